//! The list compiled into the program: the service tag as it was at a release. The file
//! `data/embedded-ranges.csv` also names the origin of the list. Its geo columns are for people and for the
//! tests: [`crate::geo::attribute`] decides the geo of a range.

use crate::geo::{Geo, GeoCode, GeoSource};

use super::kind::{ListSource, Schedule, Trust};
use super::line::{self, LineError};
use super::service_tags::Regions;
use super::{List, ListEntry, Origin, SourceError};

const TEXT: &str = include_str!("../../data/embedded-ranges.csv");
const NAME: &str = "embedded";

/// The embedded list as a source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Embedded;

impl ListSource for Embedded {
    fn name(&self) -> String {
        NAME.to_owned()
    }

    fn schedule(&self) -> Schedule<'_> {
        Schedule::Once
    }

    fn trust(&self) -> Option<Trust> {
        None
    }

    fn failure_reasons(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn load(&self, _keep_azure: bool) -> Result<(List, Option<Regions>), SourceError> {
        list().map(|list| (list, None))
    }
}

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The prefix, the region, and the geo if the vendor documents it. An inferred geo is left out, so that
    /// the code infers it.
    pub entry: ListEntry,
    /// The geo that the file shows.
    pub geo: Geo,
}

/// Returns the embedded list.
///
/// # Errors
/// None with the file that is compiled in: a test reads that file.
pub fn list() -> Result<List, SourceError> {
    let entries = rows()?.into_iter().map(|row| row.entry).collect();
    let change_number = header("change-number").and_then(|number| number.parse().ok());
    let date = header("date").map(str::to_owned);
    let origin = Origin { name: NAME.to_owned(), change_number, tag_change_number: None, date };
    Ok(List { origin, entries, warnings: Vec::new() })
}

/// Returns the lines of the embedded list, each with the geo that the file shows.
///
/// # Errors
/// The same as [`list`].
pub fn rows() -> Result<Vec<Row>, SourceError> {
    let mut rows = Vec::new();
    for (line, content) in line::lines(TEXT.as_bytes()) {
        let read = content.and_then(|content| row(content, line));
        rows.extend(read.map_err(|problem| SourceError::Line { list: NAME.to_owned(), line, problem })?);
    }
    Ok(rows)
}

/// Returns the value of a `# name: value` line.
fn header(name: &str) -> Option<&'static str> {
    let value = |line: &'static str| line.strip_prefix("# ")?.strip_prefix(name)?.strip_prefix(": ");
    TEXT.lines().find_map(value)
}

fn row(content: &str, line: usize) -> Result<Option<Row>, LineError> {
    let fields = line::fields(content);
    let (prefix, code, source, region) = match fields[..] {
        [] | ["prefix", "geo", "geo_source", "azure_region"] => return Ok(None),
        [prefix, code, source, region] => (prefix, code, source, region),
        _ => return Err(LineError::TooManyFields { found: fields.len(), most: 4 }),
    };
    let code = GeoCode::new(code).ok_or_else(|| LineError::NotAGeo(line::excerpt(code)))?;
    let (source, geo) = match source {
        "documented" => (GeoSource::Documented, Some(code)),
        "inferred" => (GeoSource::Inferred, None),
        other => return Err(LineError::NotAGeoSource(line::excerpt(other))),
    };
    let entry = ListEntry { prefix: line::prefix(prefix)?, geo, region: line::region(region)?, line };
    Ok(Some(Row { entry, geo: Geo { code, source } }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::{self, documented};

    #[test]
    fn the_file_is_whole_and_dated() {
        let list = list().unwrap();
        assert_eq!(list.entries.len(), 39);
        assert_eq!(list.origin.change_number, Some(412));
        assert_eq!(list.origin.date.as_deref(), Some("2026-08-03"));
        assert!(header("source").is_some_and(|source| source.contains("Dynamics365ForMarketingEmail")));
    }

    #[test]
    fn the_geo_columns_say_what_the_code_attributes() {
        for Row { entry, geo } in rows().unwrap() {
            let region = entry.region.as_deref();
            assert_eq!(geo::attribute(&entry.prefix, entry.geo, region), geo, "{}", entry.prefix);
            assert_ne!(geo.code.number(), 0, "{}", entry.prefix);
        }
    }

    #[test]
    fn every_documented_range_is_in_it_as_documented() {
        let rows = rows().unwrap();
        let shown: Vec<_> = rows.iter().filter(|row| row.geo.source == GeoSource::Documented).collect();
        assert_eq!(shown.len(), documented().len());
        for (prefix, code) in documented() {
            assert!(shown.iter().any(|row| row.entry.prefix == *prefix && row.geo.code == *code), "{prefix}");
        }
    }

    /// An operator may copy the file and use the copy as a list of their own.
    #[test]
    fn the_file_is_a_list_for_operators_too() {
        let list = crate::source::plain::parse(TEXT.as_bytes(), "file:/copy.csv").unwrap();
        let read =
            list.entries.into_iter().map(|ListEntry { prefix, geo, region, .. }| (prefix, geo, region));
        let rows = rows().unwrap().into_iter();
        let own = rows.map(|Row { entry, geo }| (entry.prefix, Some(geo.code), entry.region));
        assert_eq!(read.collect::<Vec<_>>(), own.collect::<Vec<_>>());
    }

    #[test]
    fn a_wrong_line_is_an_error_not_a_panic() {
        for content in [
            "4.166.33.32/27",
            "4.166.33.32/27,SWE,inferred",
            "4.166.33.32/27,SWE,guessed,X",
            "x,SWE,inferred,X",
        ] {
            assert!(row(content, 1).is_err(), "{content}");
        }
        assert_eq!(row("# comment", 1), Ok(None));
    }
}
