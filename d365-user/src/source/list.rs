//! A list as its source wrote it.

use ipnet::IpNet;

use super::Warning;
use crate::geo::GeoCode;

/// Size limit of a list in bytes: seven times the vendor's largest document.
pub const MAX_BYTES: u64 = 32 << 20;

/// One line of a list, as written. Host bits may be set, and the same prefix may occur twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListEntry {
    /// The prefix as written.
    pub prefix: IpNet,
    /// The geo that the list itself names.
    pub geo: Option<GeoCode>,
    /// The Azure region that the list names (`WestUS2`).
    pub region: Option<String>,
    /// The line number in the list, from 1, for messages. It is 0 for a format in which lines have no
    /// meaning, such as a service tags document.
    pub line: usize,
}

/// The origin of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The short name: the value of the metrics' label `source`, such as `embedded` or
    /// `file:/etc/d365/ranges.csv`.
    pub name: String,
    /// The change number of the service tags document, if the list has one. It is neither unique nor ordered:
    /// the vendor has published two documents with the same number, and later a document with a lower number.
    pub change_number: Option<u64>,
    /// The change number of the service tag itself, if the list has one. It has never decreased.
    pub tag_change_number: Option<u64>,
    /// The date of the list in ISO 8601, if the list has one.
    pub date: Option<String>,
}

/// A list: its entries, its origin, and warnings about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// The origin of the list.
    pub origin: Origin,
    /// The entries, in the order of the list.
    pub entries: Vec<ListEntry>,
    /// Oddities that are no reason to reject the list.
    pub warnings: Vec<Warning>,
}
