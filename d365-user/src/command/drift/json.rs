//! The comparison for programs: every list and every prefix. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    comparison::Comparison,
    expected::Expected,
    list::{Mark, Origin},
};
use crate::command::{error::CommandError, output::json};

#[derive(Serialize)]
struct Report<'a> {
    differ: bool,
    lists: Vec<ListReport<'a>>,
    prefixes: Vec<PrefixReport<'a>>,
}

#[derive(Serialize)]
struct ListReport<'a> {
    name: &'a str,
    compared: bool,
    sources: &'a [Origin],
    /// Ranges that are in no other list.
    in_no_list: usize,
    remarks: &'a [String],
}

#[derive(Serialize)]
struct PrefixReport<'a> {
    prefix: String,
    differs: bool,
    /// The reason for which a difference is no fault.
    expected: Option<Expected>,
    /// By list. A list without a mark for the prefix is left out.
    marks: BTreeMap<&'a str, MarkReport>,
}

#[derive(Serialize)]
struct MarkReport {
    mark: &'static str,
    geo: Option<String>,
}

pub(super) fn render(comparison: &Comparison) -> Result<String, CommandError> {
    let lists = comparison.lists.iter().map(|list| ListReport {
        name: &list.name,
        compared: list.marks.is_some(),
        sources: &list.origins,
        in_no_list: list.others,
        remarks: &list.remarks,
    });
    let prefixes = comparison.rows.iter().map(|row| {
        let marks = comparison.compared().zip(&row.marks);
        let marks = marks.filter_map(|(list, mark)| Some((list.name.as_str(), report((*mark)?))));
        PrefixReport {
            prefix: row.prefix.to_string(),
            differs: row.differs,
            expected: row.expected,
            marks: marks.collect(),
        }
    });
    let report = Report { differ: comparison.differ(), lists: lists.collect(), prefixes: prefixes.collect() };
    json(&report)
}

fn report(mark: Mark) -> MarkReport {
    let (mark, geo) = match mark {
        Mark::Listed(geo) => ("listed", geo),
        Mark::Retired(geo) => ("retired", geo),
        Mark::Absent => ("absent", None),
    };
    MarkReport { mark, geo: geo.map(|geo| geo.to_string()) }
}
