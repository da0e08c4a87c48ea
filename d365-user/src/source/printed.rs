//! Reads the output of `d365-user ranges --json` as a list.

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny},
};

use ipnet::IpNet;

use super::{List, ListEntry, Origin, SourceError, head, line, plain::MAX_ENTRIES, without_mark};
use crate::geo::GeoCode;

/// The fields that are read. Other fields are ignored.
#[derive(Deserialize)]
struct Printed {
    /// Only the published list of a daemon has it.
    #[serde(default)]
    format: Option<IgnoredAny>,
    ranges: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    #[serde(deserialize_with = "prefix")]
    prefix: IpNet,
    #[serde(default, deserialize_with = "geo")]
    geo: Option<GeoCode>,
    #[serde(default, deserialize_with = "region")]
    region: Option<String>,
}

/// True if the file begins like the output of `d365-user ranges --json`: an object with its list of ranges
/// near the beginning. In a service tags document, the field `values` comes before everything that can have
/// an arbitrary name.
pub(super) fn is_printed(text: &[u8]) -> bool {
    let head = head(text);
    let at = |field: &[u8]| head.windows(field.len()).position(|part| part == field);
    let ranges = at(b"\"ranges\":").or_else(|| at(b"\"d365-ranges-"));
    ranges.is_some_and(|ranges| at(b"\"values\"").is_none_or(|values| ranges < values))
}

/// Reads a list called `name` from its text.
///
/// # Errors
/// [`SourceError`] if the text is not that JSON, or has too many prefixes or none.
pub(super) fn parse(text: &[u8], name: &str) -> Result<List, SourceError> {
    let list = || name.to_owned();
    let Printed { format, ranges } = serde_json::from_slice(without_mark(text)).map_err(|problem| {
        SourceError::Printed { list: list(), problem: problem.to_string().replace(char::is_control, " ") }
    })?;
    if format.is_some() {
        // Its ranges would be trusted longer here than there.
        let problem =
            "the published list of a daemon has a lease, which is not read; export it as plain or csv";
        return Err(SourceError::Printed { list: list(), problem: problem.to_owned() });
    }
    if ranges.is_empty() {
        return Err(SourceError::Empty { list: list() });
    }
    if ranges.len() > MAX_ENTRIES {
        return Err(SourceError::TooMany { list: list(), limit: MAX_ENTRIES });
    }
    let entry = |Row { prefix, geo, region }: Row| ListEntry { prefix, geo, region, line: 0 };
    let origin = Origin { name: list(), ..Origin::default() };
    Ok(List { origin, entries: ranges.into_iter().map(entry).collect(), warnings: Vec::new() })
}

fn prefix<'de, D: Deserializer<'de>>(deserializer: D) -> Result<IpNet, D::Error> {
    line::prefix(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

fn geo<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<GeoCode>, D::Error> {
    let word: Option<String> = Deserialize::deserialize(deserializer)?;
    line::geo(&word.unwrap_or_default()).map_err(D::Error::custom)
}

fn region<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let word: Option<String> = Deserialize::deserialize(deserializer)?;
    line::region(&word.unwrap_or_default()).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "file:/list.json";

    fn error(text: &str) -> String {
        parse(text.as_bytes(), NAME).unwrap_err().to_string()
    }

    #[test]
    fn ranges_are_read_and_other_fields_are_not() {
        let text = "\u{feff}{\"date\": null, \"more\": [[]], \"ranges\": [\
                    {\"prefix\": \"1.2.3.0/24\", \"geo\": \"FRA\", \"region\": null, \"mark\": \"0x1\"}, {\"prefix\": \"1.2.4.7\"}]}";
        let list = parse(text.as_bytes(), NAME).unwrap();
        let geo = GeoCode::new("FRA");
        let entry =
            |prefix: &str, geo| ListEntry { prefix: prefix.parse().unwrap(), geo, region: None, line: 0 };
        assert_eq!(list.entries, [entry("1.2.3.0/24", geo), entry("1.2.4.7/32", None)]);
        assert_eq!(list.origin, Origin { name: NAME.to_owned(), ..Origin::default() });
    }

    #[test]
    fn errors_name_their_line() {
        let wrong = "{\"ranges\": [\n{\"prefix\": \"1.2.3.0/33\"}]}";
        let message = error(wrong);
        assert!(
            message.starts_with("file:/list.json: not what d365-user ranges --json prints: "),
            "{message}"
        );
        assert!(message.contains("prefix length \"33\" is not a number from 0 to 32 at line 2"), "{message}");
        for text in [
            "{\"ranges\": 7}",
            "{\"ranges\": [",
            "{\"ranges\": [{}]}",
            "{\"ranges\": [{\"prefix\": \"1.2.3.4\", \"geo\": \"x\"}]}",
        ] {
            assert!(!error(text).contains(char::is_control), "{text}");
        }
        let published = error("{\"format\": \"d365-ranges-1\", \"ranges\": [{\"prefix\": \"1.2.3.4\"}]}");
        assert!(published.contains("the published list of a daemon has a lease"), "{published}");
        assert_eq!(
            error("{\"ranges\": []}"),
            "file:/list.json: no prefix in it; write one prefix[,geo[,region]] a line"
        );
    }

    #[test]
    fn a_document_is_not_printed() {
        assert!(is_printed(b"{\n  \"date\": \"2026-08-03\",\n  \"ranges\": ["));
        for document in [
            &b"{\"changeNumber\": 1, \"cloud\": \"Public\", \"values\": [{\"name\": \"ranges\"}]}"[..],
            b"{\"values\": [{\"ranges\": []}]}",
            b"{\"geos\": []}",
            b"{}",
        ] {
            assert!(!is_printed(document), "{}", String::from_utf8_lossy(document));
        }
    }
}
