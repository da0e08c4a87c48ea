//! `ranges`: the ranges and geos of this build, and the marks that follow from them. It reads nothing but the
//! program.
//!
//! The task `drift` shows the ranges that a running daemon recognises.

mod table;

use d365_common::mark::Mark;
use serde::{Serialize, Serializer};

use super::{CommandError, json, show};
use crate::{
    cli,
    exit::Exit,
    geo::{REGISTER, attribute},
    source::{ListEntry, embedded},
    tag::mark,
};

/// The embedded list.
#[derive(Serialize)]
struct Ranges {
    date: Option<String>,
    change_number: Option<u64>,
    /// BASE/MASK.
    mark: String,
    ranges: Vec<RangeRow>,
}

#[derive(Serialize)]
struct RangeRow {
    prefix: String,
    geo: String,
    geo_source: &'static str,
    geo_number: u8,
    region: Option<String>,
    mark: Hex,
}

/// The register of geos.
#[derive(Serialize)]
struct Geos {
    /// BASE/MASK.
    mark: String,
    geos: Vec<GeoRow>,
}

#[derive(Serialize)]
struct GeoRow {
    number: u8,
    /// `None` for the number 0.
    code: Option<&'static str>,
    name: &'static str,
    mark: Hex,
}

/// A mark as firewalls write it.
#[derive(Clone, Copy)]
struct Hex(u32);

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
    fn new(mark: Mark) -> Result<Self, CommandError> {
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
    fn new(mark: Mark) -> Self {
        let row = |number, code, name| GeoRow { number, code, name, mark: Hex(mark.on(0, number)) };
        let unregistered = row(0, None, "no registered geo");
        let registered = REGISTER.iter().map(|geo| row(geo.number, Some(geo.code.as_str()), geo.name));
        Self { mark: mark::text(mark), geos: std::iter::once(unregistered).chain(registered).collect() }
    }
}

pub(super) fn run(flags: &cli::Ranges) -> Result<Exit, CommandError> {
    let text = match (flags.geos, flags.json) {
        (true, true) => json(&Geos::new(flags.mark))?,
        (true, false) => table::geos(&Geos::new(flags.mark)),
        (false, true) => json(&Ranges::new(flags.mark)?)?,
        (false, false) => table::ranges(&Ranges::new(flags.mark)?),
    };
    show(&text)?;
    Ok(Exit::Success)
}
