//! A list that is compared, its origins, and the state of a prefix in it. Pure.

use std::collections::BTreeMap;

use ipnet::IpNet;

use crate::geo::GeoCode;

/// The state of one prefix in a list. A geo is `None` if the list knows geos by number only and this geo has
/// no number ([`GeoCode::number`] 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// The prefix is in the list.
    Listed(Option<GeoCode>),
    /// It has left the list and is still recognised, as retired.
    Retired(Option<GeoCode>),
    /// It is not in the list.
    Absent,
}

/// The prefixes of one list, without host bits.
pub(super) type Marks = BTreeMap<IpNet, Mark>;

/// The origin of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The vendor's table, a part of this program. It makes no statement about other prefixes.
    Documented,
    /// The embedded list, a part of this program.
    Embedded,
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
        Self { name: name.to_owned(), marks: Some(marks), kind, origins: Vec::new(), others: 0, remarks }
    }

    /// The state of a prefix in it; `None` if it makes no statement about the prefix.
    pub(super) fn mark(&self, prefix: &IpNet) -> Option<Mark> {
        let absent = (self.kind != Kind::Documented).then_some(Mark::Absent);
        self.marks.as_ref()?.get(prefix).copied().or(absent)
    }

    /// Returns true if it has every range of the embedded list.
    pub(super) fn holds_embedded(&self, lists: &[&Self]) -> bool {
        let embedded = lists.iter().find(|list| list.kind == Kind::Embedded);
        let marks = embedded.and_then(|embedded| embedded.marks.as_ref()).zip(self.marks.as_ref());
        marks.is_some_and(|(embedded, own)| {
            embedded.keys().all(|prefix| matches!(own.get(prefix), Some(Mark::Listed(_))))
        })
    }
}

/// Returns true if no two of these states of one prefix contradict each other.
pub(super) fn agree(marks: &[Mark]) -> bool {
    marks.iter().all(|one| marks.iter().all(|other| one.agrees(*other)))
}

impl Mark {
    /// Returns true if both states are possible in one list. A retired prefix is no longer listed, and other
    /// lists do not need to know how long it is still recognised.
    fn agrees(self, other: Self) -> bool {
        match (self, other) {
            (Self::Listed(one), Self::Listed(other)) => same(one, other),
            (Self::Listed(_), _) | (_, Self::Listed(_)) => false,
            (Self::Retired(_) | Self::Absent, Self::Retired(_) | Self::Absent) => true,
        }
    }
}

fn same(one: Option<GeoCode>, other: Option<GeoCode>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one == other,
        (Some(code), None) | (None, Some(code)) => code.number() == 0,
        (None, None) => true,
    }
}
