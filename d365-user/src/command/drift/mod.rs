//! `drift`: compares the lists that should be the same. It reads, and changes nothing.
//!
//! [`lists`] reads the lists, `ranges::drift` compares them, [`table`] and [`json`] show the result.

use ipnet::IpNet;

use super::{CommandError, show};
use crate::{
    cli,
    exit::Exit,
    ranges::drift::{Mark, Marks, Row, Scope, compare},
};

mod documents;
mod expected;
mod json;
mod kernel;
mod lists;
mod table;

use expected::{Expected, Known};

/// The origin of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It is part of this program.
    Build,
    /// A service tags document.
    Document,
    /// The lists that the gates accepted.
    Accepted,
    /// The list that a program in the kernel holds.
    Kernel,
}

#[derive(Clone, Debug)]
struct List {
    /// Its name: a column of the table.
    name: String,
    /// The marks of its prefixes; `None` if it is not compared, and then a remark gives the reason.
    marks: Option<Marks>,
    scope: Scope,
    kind: Kind,
    /// The sources of the list.
    origins: Vec<Origin>,
    /// Number of the kernel's ranges that are in no other list.
    others: usize,
    /// Remarks on the list.
    remarks: Vec<String>,
}

/// One source of a list.
#[derive(Clone, Debug, Default, serde::Serialize)]
struct Origin {
    name: String,
    /// The cloud of a document, such as `Public`.
    cloud: Option<&'static str>,
    ranges: usize,
    date: Option<String>,
    change_number: Option<u64>,
    tag_change_number: Option<u64>,
}

/// All lists, compared.
struct Comparison {
    lists: Vec<List>,
    /// The marks of a row are those of the compared lists, in their order.
    rows: Vec<Row>,
    /// For each row that differs, the reason for which that is no fault, if any.
    expected: Vec<Option<Expected>>,
}

impl List {
    /// A list that is not compared.
    fn missing(name: &str, kind: Kind, why: String) -> Self {
        Self { marks: None, ..Self::new(name, kind, Marks::new(), vec![why]) }
    }

    fn new(name: &str, kind: Kind, marks: Marks, remarks: Vec<String>) -> Self {
        Self {
            name: name.to_owned(),
            marks: Some(marks),
            scope: Scope::Everything,
            kind,
            origins: Vec::new(),
            others: 0,
            remarks,
        }
    }
}

impl List {
    /// Returns true if it has every range of the embedded list.
    fn holds_embedded(&self, lists: &[&Self]) -> bool {
        let embedded = lists.iter().find(|list| list.kind == Kind::Build && list.scope == Scope::Everything);
        let marks = embedded.and_then(|embedded| embedded.marks.as_ref()).zip(self.marks.as_ref());
        marks.is_some_and(|(embedded, own)| {
            embedded.keys().all(|prefix| matches!(own.get(prefix), Some(Mark::Listed(_))))
        })
    }
}

impl Comparison {
    fn new(lists: Vec<List>, known: &Known) -> Self {
        let compared: Vec<_> =
            lists.iter().filter_map(|list| Some((list.marks.as_ref()?, list.scope))).collect();
        let rows = compare(&compared);
        let of_rows: Vec<&List> = lists.iter().filter(|list| list.marks.is_some()).collect();
        let expected =
            rows.iter().map(|row| Expected::of(row, &of_rows, known).filter(|_| row.differs)).collect();
        Self { lists, rows, expected }
    }

    fn compared(&self) -> impl Iterator<Item = &List> {
        self.lists.iter().filter(|list| list.marks.is_some())
    }

    /// The rows that differ, each with the reason if that is no fault.
    fn differing(&self) -> impl Iterator<Item = (&Row, Option<Expected>)> {
        self.rows.iter().zip(self.expected.iter().copied()).filter(|(row, _)| row.differs)
    }

    fn differ(&self) -> bool {
        self.differing().any(|(_, expected)| expected.is_none())
            || self.lists.iter().any(|list| list.others > 0)
    }
}

/// Reads and compares the lists, and shows the result.
pub(super) fn run(flags: &cli::Drift) -> Result<Exit, CommandError> {
    let (mut lists, known) = lists::read(flags)?;
    let mut prefixes: Vec<IpNet> =
        lists.iter().filter_map(|list| list.marks.as_ref()).flat_map(|marks| marks.keys().copied()).collect();
    prefixes.sort_unstable();
    prefixes.dedup();
    lists.extend(kernel::lists(&prefixes));
    let comparison = Comparison::new(lists, &known);
    show(&if flags.json { json::render(&comparison)? } else { table::render(&comparison) })?;
    Ok(if comparison.differ() { Exit::Internal } else { Exit::Success })
}
