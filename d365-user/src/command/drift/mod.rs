//! `drift`: compares the lists that should be one. It reads, and changes nothing.
//!
//! [`lists`] reads them, `ranges::drift` compares, [`table`] and [`json`] show.

use ipnet::IpNet;

use super::{CommandError, show};
use crate::{
    cli,
    exit::Exit,
    ranges::drift::{Marks, Row, Scope, compare},
};

mod documents;
mod json;
mod kernel;
mod lists;
mod table;

/// One of the lists.
#[derive(Clone, Debug)]
struct List {
    /// Its name: a column of the table.
    name: String,
    /// What it says; `None` when it is not compared, and then the remarks say why.
    marks: Option<Marks>,
    scope: Scope,
    /// What it is made of.
    origins: Vec<Origin>,
    /// How many ranges it has that were not asked for by their prefix: the kernel's.
    others: usize,
    /// What else is to be said of it.
    remarks: Vec<String>,
}

/// One source of a list.
#[derive(Clone, Debug, Default, serde::Serialize)]
struct Origin {
    name: String,
    /// Whose, where it is a document: `Public`.
    cloud: Option<&'static str>,
    ranges: usize,
    date: Option<String>,
    change_number: Option<u64>,
    tag_change_number: Option<u64>,
}

/// All lists, compared.
struct Comparison {
    lists: Vec<List>,
    /// Their marks are those of the lists that are compared, in their order.
    rows: Vec<Row>,
}

impl List {
    /// A list that is not compared.
    fn missing(name: &str, why: String) -> Self {
        Self { marks: None, ..Self::new(name, Marks::new(), vec![why]) }
    }

    fn new(name: &str, marks: Marks, remarks: Vec<String>) -> Self {
        Self {
            name: name.to_owned(),
            marks: Some(marks),
            scope: Scope::Everything,
            origins: Vec::new(),
            others: 0,
            remarks,
        }
    }
}

impl Comparison {
    fn new(lists: Vec<List>) -> Self {
        let compared: Vec<_> =
            lists.iter().filter_map(|list| Some((list.marks.as_ref()?, list.scope))).collect();
        let rows = compare(&compared);
        Self { lists, rows }
    }

    fn compared(&self) -> impl Iterator<Item = &List> {
        self.lists.iter().filter(|list| list.marks.is_some())
    }

    fn differing(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.differs)
    }

    fn differ(&self) -> bool {
        self.differing().next().is_some() || self.lists.iter().any(|list| list.others > 0)
    }
}

/// Reads, compares, shows.
pub(super) fn run(flags: &cli::Drift) -> Result<Exit, CommandError> {
    let mut lists = lists::read(flags)?;
    let mut prefixes: Vec<IpNet> =
        lists.iter().filter_map(|list| list.marks.as_ref()).flat_map(|marks| marks.keys().copied()).collect();
    prefixes.sort_unstable();
    prefixes.dedup();
    lists.extend(kernel::lists(&prefixes));
    let comparison = Comparison::new(lists);
    show(&if flags.json { json::render(&comparison)? } else { table::render(&comparison) })?;
    Ok(if comparison.differ() { Exit::Internal } else { Exit::Success })
}
