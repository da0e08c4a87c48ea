//! The list compiled into the program: the service tag as it was at a release. The file
//! `data/embedded-ranges.csv` also names the origin of the list. Its geo columns are for people and for the
//! tests: [`crate::geo::attribute`] decides the geo of a range.

use super::kind::{ListSource, Schedule, Trust};
use super::service_tags::Regions;
use super::{List, Reason, SourceError, plain};

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

    fn failure_reasons(&self) -> Vec<Reason> {
        Vec::new()
    }

    fn load(&self, _keep_azure: bool) -> Result<(List, Option<Regions>), SourceError> {
        list().map(|list| (list, None))
    }
}

/// Returns the embedded list.
///
/// # Errors
/// None with the file that is compiled in: a test reads that file.
pub fn list() -> Result<List, SourceError> {
    let mut list = plain::parse(TEXT.as_bytes(), NAME)?;
    list.entries.iter_mut().for_each(|entry| entry.geo = None);
    list.origin.change_number = header("change-number").and_then(|number| number.parse().ok());
    list.origin.date = header("date").map(str::to_owned);
    Ok(list)
}

/// Returns the value of a `# name: value` line.
fn header(name: &str) -> Option<&'static str> {
    let value = |line: &'static str| line.strip_prefix("# ")?.strip_prefix(name)?.strip_prefix(": ");
    TEXT.lines().find_map(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::{self, GeoSource, documented};

    #[test]
    fn the_file_is_whole_and_dated() {
        let list = list().unwrap();
        assert_eq!(list.entries.len(), 39);
        assert_eq!(list.origin.change_number, Some(412));
        assert_eq!(list.origin.date.as_deref(), Some("2026-08-03"));
        assert!(header("source").is_some_and(|source| source.contains("Dynamics365ForMarketingEmail")));
    }

    #[test]
    fn the_geo_columns_say_what_the_code_attributes_and_every_documented_range_is_in_it() {
        let rows = TEXT.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit()));
        let mut shown = Vec::new();
        for (row, entry) in rows.zip(list().unwrap().entries) {
            let geo = geo::attribute(&entry.prefix, None, entry.region.as_deref());
            let region = entry.region.unwrap_or_default();
            assert_eq!(row, format!("{},{},{},{region}", entry.prefix, geo.code, geo.source));
            assert_ne!(geo.code.number(), 0, "{}", entry.prefix);
            shown.extend((geo.source == GeoSource::Documented).then_some((entry.prefix, geo.code)));
        }
        assert_eq!(shown.len(), documented().len());
        assert!(documented().iter().all(|row| shown.contains(row)));
    }
}
