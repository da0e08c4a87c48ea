//! `ranges`: the ranges and geos of this build, and the marks that follow from them. It reads nothing but the
//! program. A report for people is a line about the whole, then a row for each range or geo.
//!
//! The task `drift` shows the ranges that a running daemon recognises.

use d365_common::mark::Mark;
use serde::Serialize;

use super::{
    error::CommandError,
    output::{json, show},
    text::{aligned, counted},
};
use crate::{
    cli,
    exit::Exit,
    geo::{REGISTER, attribute},
    source::{ListEntry, embedded},
    tag::mark,
};

pub(super) fn run(flags: &cli::Ranges) -> Result<Exit, CommandError> {
    let text = match (flags.geos, flags.json) {
        (true, true) => json(&Geos::new(flags.mark))?,
        (true, false) => Geos::new(flags.mark).text(),
        (false, true) => json(&Ranges::new(flags.mark)?)?,
        (false, false) => Ranges::new(flags.mark)?.text(),
    };
    show(&text)?;
    Ok(Exit::Success)
}

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
    mark: String,
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
    mark: String,
}

/// A mark as firewalls write it.
fn hex(mark: u32) -> String {
    format!("{mark:#010x}")
}

impl Ranges {
    fn new(mark: Mark) -> Result<Self, CommandError> {
        let mut list = embedded::list()?;
        list.entries.sort_unstable_by_key(|entry| entry.prefix);
        let ranges = list.entries.iter().map(|entry| RangeRow::new(entry, mark)).collect();
        let (date, change_number) = (list.origin.date, list.origin.change_number);
        Ok(Self { date, change_number, mark: mark::text(mark), ranges })
    }

    /// The table for people. The daemon can read it as a list (`source::plain`): its first line is a comment,
    /// its second names the columns.
    fn text(&self) -> String {
        let mut head = format!("# embedded: {}", counted(self.ranges.len(), "range"));
        head.push_str(&self.date.as_ref().map(|date| format!(", {date}")).unwrap_or_default());
        head.push_str(
            &self.change_number.map(|number| format!(", change number {number}")).unwrap_or_default(),
        );
        let header = ["prefix", "geo", "geo source", "region", "mark"].map(str::to_owned).to_vec();
        let rows = self.ranges.iter().map(|row| {
            let region = row.region.clone().unwrap_or_else(|| "–".to_owned());
            vec![row.prefix.clone(), row.geo.clone(), row.geo_source.to_owned(), region, row.mark.clone()]
        });
        let rows: Vec<_> = std::iter::once(header).chain(rows).collect();
        format!("{head}; marks of {}\n\n{}", self.mark, aligned(&rows))
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
            mark: hex(mark.on(0, number)),
        }
    }
}

impl Geos {
    fn new(mark: Mark) -> Self {
        let row = |number, code, name| GeoRow { number, code, name, mark: hex(mark.on(0, number)) };
        let unregistered = row(0, None, "no registered geo");
        let registered = REGISTER.iter().map(|geo| row(geo.number, Some(geo.code.as_str()), geo.name));
        Self { mark: mark::text(mark), geos: std::iter::once(unregistered).chain(registered).collect() }
    }

    /// The table for people.
    fn text(&self) -> String {
        let header = ["number", "code", "mark", "name"].map(str::to_owned).to_vec();
        let rows = self.geos.iter().map(|row| {
            let code = row.code.unwrap_or("–").to_owned();
            vec![row.number.to_string(), code, row.mark.clone(), row.name.to_owned()]
        });
        let rows: Vec<_> = std::iter::once(header).chain(rows).collect();
        format!("marks of {}\n\n{}", self.mark, aligned(&rows))
    }
}
