//! All lists, compared. Pure.

use super::{
    expected::{Expected, Known},
    list::List,
};
use crate::ranges::drift::{Row, compare};

/// All lists, compared.
pub(super) struct Comparison {
    pub(super) lists: Vec<List>,
    /// The marks of a row are those of the compared lists, in their order.
    pub(super) rows: Vec<Row>,
    /// For each row that differs, the reason for which that is no fault, if any.
    pub(super) expected: Vec<Option<Expected>>,
}

impl Comparison {
    pub(super) fn new(lists: Vec<List>, known: &Known) -> Self {
        let compared: Vec<_> =
            lists.iter().filter_map(|list| Some((list.marks.as_ref()?, list.scope))).collect();
        let rows = compare(&compared);
        let of_rows: Vec<&List> = lists.iter().filter(|list| list.marks.is_some()).collect();
        let expected =
            rows.iter().map(|row| Expected::of(row, &of_rows, known).filter(|_| row.differs)).collect();
        Self { lists, rows, expected }
    }

    pub(super) fn compared(&self) -> impl Iterator<Item = &List> {
        self.lists.iter().filter(|list| list.marks.is_some())
    }

    /// The rows that differ, each with the reason if that is no fault.
    pub(super) fn differing(&self) -> impl Iterator<Item = (&Row, Option<Expected>)> {
        self.rows.iter().zip(self.expected.iter().copied()).filter(|(row, _)| row.differs)
    }

    pub(super) fn differ(&self) -> bool {
        self.differing().any(|(_, expected)| expected.is_none())
            || self.lists.iter().any(|list| list.others > 0)
    }
}
