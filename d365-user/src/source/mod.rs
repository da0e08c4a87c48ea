//! The sources of range lists. A source returns entries and warnings. It never decides if an entry is valid.

mod azure;
mod cloud;
mod columns;
pub mod documents;
pub mod download;
pub mod embedded;
mod encoding;
mod error;
mod file;
mod kind;
pub mod limit;
mod line;
mod list;
pub mod plain;
mod printed;
mod reason;
mod redact;
pub mod service_tags;
mod spec;
mod url_spec;
mod warning;
pub mod watch;

pub use cloud::{Cloud, UnknownCloud};
pub use encoding::Encoding;
pub use error::{NO_OTHER_LIST, SourceError};
pub use file::read;
pub use kind::{ListSource, Schedule, Trust};
pub use line::LineError;
pub use list::{List, ListEntry, MAX_BYTES, Origin};
pub use reason::Reason;
pub use redact::{redacted, shown_name, without_query};
pub use spec::{Spec, SpecError};
pub use url_spec::{UrlSpec, UrlSpecError};
pub use warning::Warning;

use encoding::{head, without_mark};

/// Reads the list that `spec` names. It reads the embedded list and files only, and never uses the network.
///
/// # Errors
/// As [`ListSource::load`].
pub fn load(spec: &Spec) -> Result<List, SourceError> {
    spec.kind().load(false).map(|(list, _)| list)
}
