//! The comparison for people: a line for each list, then a row for each prefix that differs between lists.
//! Pure.

use super::{
    comparison::Comparison,
    list::{List, Mark, Origin},
};
use crate::{
    command::text::{aligned, counted, plain},
    geo::GeoCode,
};

pub(super) fn render(comparison: &Comparison) -> String {
    let mut text = aligned(&comparison.lists.iter().flat_map(lines).collect::<Vec<_>>());
    text.push('\n');
    let differing: Vec<_> = comparison.differing().collect();
    if !differing.is_empty() {
        let names = comparison.compared().map(|list| plain(&list.name));
        let last = differing.iter().any(|row| row.expected.is_some()).then(|| "expected, since".to_owned());
        let header = std::iter::once("prefix".to_owned()).chain(names).chain(last).collect();
        let rows = differing.iter().map(|row| {
            let marks = row.marks.iter().map(|mark| mark.map_or_else(|| "–".to_owned(), word));
            let expected = row.expected.map(|expected| expected.as_text().to_owned());
            std::iter::once(row.prefix.to_string()).chain(marks).chain(expected).collect()
        });
        let rows: Vec<Vec<String>> = std::iter::once(header).chain(rows).collect();
        text.push_str(&aligned(&rows));
        text.push('\n');
    }
    let expected = differing.iter().filter(|row| row.expected.is_some()).count();
    text.push_str(&verdict(comparison, differing.len() - expected, expected));
    text
}

/// The list's name, its origins and its remarks.
fn lines(list: &List) -> Vec<Vec<String>> {
    let origins = list.origins.iter().map(origin);
    let texts: Vec<String> = origins.chain(list.remarks.iter().map(|remark| plain(remark))).collect();
    let names = std::iter::once(plain(&list.name)).chain(std::iter::repeat(String::new()));
    names.zip(texts).map(|(name, text)| vec![name, text]).collect()
}

fn origin(origin: &Origin) -> String {
    let mut text = format!("{}: {}", plain(&origin.name), counted(origin.ranges, "range"));
    let number = |what: &str, number: Option<u64>| {
        number.map(|number| format!(", {what} {number}")).unwrap_or_default()
    };
    text.push_str(&origin.cloud.map(|cloud| format!(", cloud {cloud}")).unwrap_or_default());
    text.push_str(&origin.date.as_ref().map(|date| format!(", {date}")).unwrap_or_default());
    text.push_str(&number("change number", origin.change_number));
    text.push_str(&number("the tag's", origin.tag_change_number));
    text
}

fn verdict(comparison: &Comparison, differing: usize, expected: usize) -> String {
    let lists = counted(comparison.compared().count(), "list");
    let prefixes = counted(comparison.rows.len(), "prefix");
    let others: usize = comparison.lists.iter().map(|list| list.others).sum();
    let expected = match expected {
        0 => String::new(),
        expected => format!(" {expected} of {prefixes} differ as expected."),
    };
    match (differing, others) {
        (0, 0) if expected.is_empty() => format!("The {lists} compared agree on {prefixes}.\n"),
        (0, 0) => format!("The {lists} compared agree, but for what is expected.{expected}\n"),
        (differing, 0) => format!("The {lists} compared differ in {differing} of {prefixes}.{expected}\n"),
        (differing, others) => format!(
            "The {lists} compared differ in {differing} of {prefixes}, and the kernel holds {others} more.{expected}\n"
        ),
    }
}

/// The cell of a prefix in a list: its geo if it is listed.
fn word(mark: Mark) -> String {
    let code = |geo: Option<GeoCode>| geo.map_or_else(|| "unnumbered".to_owned(), |geo| geo.to_string());
    match mark {
        Mark::Listed(geo) => code(geo),
        Mark::Retired(geo) => format!("{} retired", code(geo)),
        Mark::Absent => "absent".to_owned(),
    }
}
