//! The rows of the report: ranges and geos, each with its mark. Pure.

use d365_common::mark::Mark;
use serde::{Serialize, Serializer};

use crate::{
    command::error::CommandError,
    geo::{REGISTER, attribute},
    source::{ListEntry, embedded},
    tag::mark,
};

/// The embedded list.
#[derive(Serialize)]
pub(super) struct Ranges {
    pub(super) date: Option<String>,
    pub(super) change_number: Option<u64>,
    /// BASE/MASK.
    pub(super) mark: String,
    pub(super) ranges: Vec<RangeRow>,
}

#[derive(Serialize)]
pub(super) struct RangeRow {
    pub(super) prefix: String,
    pub(super) geo: String,
    pub(super) geo_source: &'static str,
    pub(super) geo_number: u8,
    pub(super) region: Option<String>,
    pub(super) mark: Hex,
}

/// The register of geos.
#[derive(Serialize)]
pub(super) struct Geos {
    /// BASE/MASK.
    pub(super) mark: String,
    pub(super) geos: Vec<GeoRow>,
}

#[derive(Serialize)]
pub(super) struct GeoRow {
    pub(super) number: u8,
    /// `None` for the number 0.
    pub(super) code: Option<&'static str>,
    pub(super) name: &'static str,
    pub(super) mark: Hex,
}

/// A mark as firewalls write it.
#[derive(Clone, Copy)]
pub(super) struct Hex(u32);

impl std::fmt::Display for Hex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#010x}", self.0)
    }
}

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Ranges {
    pub(super) fn new(mark: Mark) -> Result<Self, CommandError> {
        let mut list = embedded::list()?;
        list.entries.sort_unstable_by_key(|entry| entry.prefix);
        let ranges = list.entries.iter().map(|entry| RangeRow::new(entry, mark)).collect();
        let (date, change_number) = (list.origin.date, list.origin.change_number);
        Ok(Self { date, change_number, mark: mark::text(mark), ranges })
    }
}

impl RangeRow {
    fn new(entry: &ListEntry, mark: Mark) -> Self {
        let geo = attribute(&entry.prefix, entry.geo, entry.region.as_deref());
        let number = geo.code.number();
        Self {
            prefix: entry.prefix.trunc().to_string(),
            geo: geo.code.to_string(),
            geo_source: geo.source.as_str(),
            geo_number: number,
            region: entry.region.clone(),
            mark: Hex(mark.on(0, number)),
        }
    }
}

impl Geos {
    pub(super) fn new(mark: Mark) -> Self {
        let row = |number, code, name| GeoRow { number, code, name, mark: Hex(mark.on(0, number)) };
        let unregistered = row(0, None, "no registered geo");
        let registered = REGISTER.iter().map(|geo| row(geo.number, Some(geo.code.as_str()), geo.name));
        Self { mark: mark::text(mark), geos: std::iter::once(unregistered).chain(registered).collect() }
    }
}
