//! The reasons why a source returns no list.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::{Encoding, LineError, Reason, service_tags::DocumentError};

/// The reason why a source returns no list. Nothing of the list is used then. Each message is complete in
/// itself, and is one line.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant describes its fields")]
pub enum SourceError {
    /// The file cannot be opened or read.
    #[error("cannot read the range list {path}: {cause}; check the path and its permissions", path = path.display())]
    Read { path: PathBuf, cause: io::Error },
    /// The path leads to something that cannot contain a list.
    #[error("the range list {path} is {found}; name a regular file or a pipe", path = path.display())]
    NotAFile { path: PathBuf, found: &'static str },
    /// The source did not answer in time. Nothing is known about its list.
    #[error(
        "{list}: no answer within {}; look what hangs there: a pipe whose writer does not come to its end, or a file system \
         without its server", humantime::format_duration(*limit)
    )]
    Timeout { list: String, limit: Duration },
    /// The file is compressed, or is not text in UTF-8.
    #[error("{list}: {encoding}")]
    Encoded { list: String, encoding: Encoding },
    /// The file is larger than any list.
    #[error("{list}: larger than {limit} bytes, which no range list is; check that it is the right file")]
    TooLarge { list: String, limit: u64 },
    /// The list has more prefixes than any set can hold.
    #[error("{list}: more than {limit} prefixes; shorten the list")]
    TooMany { list: String, limit: usize },
    /// No line contains a prefix.
    #[error("{list}: no prefix in it; write one prefix[,geo[,region]] a line")]
    Empty { list: String },
    /// A line is not valid.
    #[error("{list}, line {line}: {problem}")]
    Line { list: String, line: usize, problem: LineError },
    /// The file begins like the output of `d365-user ranges --json`, but does not have that format.
    #[error("{list}: not what d365-user ranges --json prints: {problem}")]
    Printed { list: String, problem: String },
    /// The service tags document is rejected.
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
