//! The reasons why a source returns no list.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::{Encoding, LineError, Reason, service_tags::DocumentError};

/// The end of a message about the failure that leaves a start without a list.
pub const NO_OTHER_LIST: &str = "no other source gives a list: with --ranges embedded as well, the list of this build is used until one does";

/// The reason why a source returns no list. Nothing of the list is used then. Each message is complete in
/// itself, and is one line.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant describes its fields")]
pub enum SourceError {
    #[error("cannot read the range list {path}: {cause}; check the path and its permissions", path = path.display())]
    Read { path: PathBuf, cause: io::Error },
    #[error("the range list {path} is {found}; name a regular file or a pipe", path = path.display())]
    NotAFile { path: PathBuf, found: &'static str },
    /// The source did not answer in time. Nothing is known about its list.
    #[error(
        "{list}: no answer within {}; look what hangs there: a pipe whose writer does not come to its end, or a file system \
         without its server", humantime::format_duration(*limit)
    )]
    Timeout { list: String, limit: Duration },
    #[error("{list}: {encoding}")]
    Encoded { list: String, encoding: Encoding },
    #[error("{list}: larger than {limit} bytes, which no range list is; check that it is the right file")]
    TooLarge { list: String, limit: u64 },
    #[error("{list}: more than {limit} prefixes; shorten the list")]
    TooMany { list: String, limit: usize },
    #[error("{list}: no prefix in it; write one prefix[,geo[,region]] a line")]
    Empty { list: String },
    #[error("{list}, line {line}: {problem}")]
    Line { list: String, line: usize, problem: LineError },
    #[error("{list}: not what d365-user ranges --json prints: {problem}")]
    Printed { list: String, problem: String },
    #[error("{list}: {problem}")]
    Document { list: String, problem: DocumentError },
    /// The list is on the network, and [`load`](super::load) reads local lists only.
    #[error("{list}: lists are not downloaded here; save the document and use file:PATH")]
    Remote { list: String },
}

impl SourceError {
    /// The reason for the metrics.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Read { .. } => Reason::Io,
            Self::TooLarge { .. } => Reason::TooLarge,
            Self::TooMany { .. } => Reason::TooMany,
            Self::Empty { .. } => Reason::Empty,
            Self::Line { .. } | Self::Printed { .. } => Reason::Syntax,
            Self::Remote { .. } => Reason::Internal,
            Self::NotAFile { .. } => Reason::NotAFile,
            Self::Timeout { .. } => Reason::Timeout,
            Self::Encoded { .. } => Reason::Encoding,
            Self::Document { problem, .. } => problem.reason(),
        }
    }
}
