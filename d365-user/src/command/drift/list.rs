//! A list that is compared, and its origins.

use crate::ranges::drift::{Mark, Marks, Scope};

/// The origin of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
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
pub(super) struct List {
    /// Its name: a column of the table.
    pub(super) name: String,
    /// The marks of its prefixes; `None` if it is not compared, and then a remark gives the reason.
    pub(super) marks: Option<Marks>,
    pub(super) scope: Scope,
    pub(super) kind: Kind,
    /// The sources of the list.
    pub(super) origins: Vec<Origin>,
    /// Number of the kernel's ranges that are in no other list.
    pub(super) others: usize,
    /// Remarks on the list.
    pub(super) remarks: Vec<String>,
}

/// One source of a list.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub(super) struct Origin {
    pub(super) name: String,
    /// The cloud of a document, such as `Public`.
    pub(super) cloud: Option<&'static str>,
    pub(super) ranges: usize,
    pub(super) date: Option<String>,
    pub(super) change_number: Option<u64>,
    pub(super) tag_change_number: Option<u64>,
}

impl List {
    /// A list that is not compared.
    pub(super) fn missing(name: &str, kind: Kind, why: String) -> Self {
        Self { marks: None, ..Self::new(name, kind, Marks::new(), vec![why]) }
    }

    pub(super) fn new(name: &str, kind: Kind, marks: Marks, remarks: Vec<String>) -> Self {
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

    /// Returns true if it has every range of the embedded list.
    pub(super) fn holds_embedded(&self, lists: &[&Self]) -> bool {
        let embedded = lists.iter().find(|list| list.kind == Kind::Build && list.scope == Scope::Everything);
        let marks = embedded.and_then(|embedded| embedded.marks.as_ref()).zip(self.marks.as_ref());
        marks.is_some_and(|(embedded, own)| {
            embedded.keys().all(|prefix| matches!(own.get(prefix), Some(Mark::Listed(_))))
        })
    }
}
