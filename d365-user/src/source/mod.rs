//! The sources of range lists. A source returns records and warnings. It never decides if a record is valid.

use ipnet::IpNet;

use crate::ranges::GeoCode;

mod cloud;
mod columns;
pub mod documents;
pub mod download;
pub mod embedded;
mod encoding;
mod error;
mod file;
pub mod limit;
mod line;
pub mod plain;
mod printed;
mod redact;
pub mod service_tags;
mod spec;
mod url_spec;
mod warning;
pub mod watch;

pub use cloud::{Cloud, UnknownCloud};
pub use encoding::Encoding;
pub use error::SourceError;
pub use file::open;
pub use line::LineError;
pub use redact::{redacted, shown_name, without_query};
pub use spec::{Spec, SpecError};
pub use url_spec::{UrlSpec, UrlSpecError};
pub use warning::Warning;

/// One line of a list, as written. Host bits may be set, and the same prefix may occur twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
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

/// A list: its records, its origin, and warnings about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// The origin of the list.
    pub origin: Origin,
    /// The records, in the order of the list.
    pub records: Vec<Record>,
    /// Oddities that are no reason to reject the list.
    pub warnings: Vec<Warning>,
}

/// Reads the list that `spec` names. It reads the embedded list and files only, and never uses the network.
///
/// # Errors
/// [`SourceError`] names the file, the line and the problem. A list on the network gives
/// [`SourceError::Remote`].
pub fn load(spec: &Spec) -> Result<List, SourceError> {
    load_with_azure(spec, false).map(|(list, _)| list)
}

/// Reads a list like [`load`]. With `keep`, it also returns the prefixes of every Azure region, if the list
/// is a service tags document.
///
/// # Errors
/// The same as [`load`].
pub fn load_with_azure(
    spec: &Spec,
    keep: bool,
) -> Result<(List, Option<service_tags::Regions>), SourceError> {
    match spec {
        Spec::Embedded => embedded::list().map(|list| (list, None)),
        Spec::File(path) => file::read(path, &spec.to_string(), keep),
        Spec::Url(_) | Spec::Azure(_) => Err(SourceError::Remote { list: spec.to_string() }),
    }
}
