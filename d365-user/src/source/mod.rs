//! Where range lists come from. A source yields records and warnings; it never decides what is valid.

use ipnet::IpNet;

use crate::ranges::GeoCode;

mod cloud;
mod columns;
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

/// One line of a list as it was written: host bits may be set, the same prefix may come twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The prefix as written.
    pub prefix: IpNet,
    /// The geo that the list itself names.
    pub geo: Option<GeoCode>,
    /// The Azure region that the list names (`WestUS2`).
    pub region: Option<String>,
    /// Line of the list, from 1, for messages; 0 where lines mean nothing, as in a service tags document.
    pub line: usize,
}

/// Where a list comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Short name, the value of the metrics' label `source`: `embedded`, `file:/etc/d365/ranges.csv`.
    pub name: String,
    /// The service tags document's change number, where the list has one. Neither unique nor ordered: the vendor has
    /// published two documents with one number, and a lower number later.
    pub change_number: Option<u64>,
    /// The change number of the service tag itself, where the list has one. It has never fallen.
    pub tag_change_number: Option<u64>,
    /// Date of the list, ISO 8601, where it has one.
    pub date: Option<String>,
}

/// A list: its records, where they come from, and what was odd in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// Where it comes from.
    pub origin: Origin,
    /// What it says, in its own order.
    pub records: Vec<Record>,
    /// What was odd and did no harm.
    pub warnings: Vec<Warning>,
}

/// Reads the list that `spec` names. The only part of this stage that touches the system, and only for files.
///
/// # Errors
/// [`SourceError`] names the file, the line and what is wrong with it; a list on the network is [`SourceError::Remote`].
pub fn load(spec: &Spec) -> Result<List, SourceError> {
    load_with_azure(spec, false).map(|(list, _)| list)
}

/// The same, with the prefixes of every Azure region, where they are asked for and the list is a document.
///
/// # Errors
/// As [`load`].
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
