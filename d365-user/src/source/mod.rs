//! Where range lists come from. A source yields records and warnings; it never decides what is valid.

use ipnet::IpNet;

use crate::ranges::GeoCode;

/// One line of a list as it was written: host bits may be set, the same prefix may come twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The prefix as written.
    pub prefix: IpNet,
    /// The geo that the list itself names.
    pub geo: Option<GeoCode>,
    /// The Azure region that the list names (`WestUS2`).
    pub region: Option<String>,
    /// Line of the list, from 1, for messages.
    pub line: usize,
}

/// Where a list comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Short name, the value of the metrics' label `source`: `embedded`, `file:/etc/d365/ranges.csv`.
    pub name: String,
    /// The service tag's change number, where the list has one.
    pub change_number: Option<u64>,
    /// Date of the list, ISO 8601, where it has one.
    pub date: Option<String>,
}

/// A list: its records and where they come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// Where it comes from.
    pub origin: Origin,
    /// What it says, in its own order.
    pub records: Vec<Record>,
}
