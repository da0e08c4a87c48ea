//! The sources of range lists. A source returns entries and warnings. It never decides if an entry is valid.

mod cloud;
mod columns;
pub mod download;
pub mod embedded;
mod encoding;
mod error;
mod file;
pub mod limit;
mod line;
mod list;
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
pub use list::{List, ListEntry, Origin};
pub use redact::{redacted, shown_name, without_query};
pub use spec::{Spec, SpecError};
pub use url_spec::{UrlSpec, UrlSpecError};
pub use warning::Warning;

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
