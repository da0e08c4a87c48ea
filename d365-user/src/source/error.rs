//! The reasons why a source returns no list.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::encoding::Encoding;
use super::line::LineError;
use super::service_tags::DocumentError;

/// The reason why a source returns no list. Nothing of the list is used then. Each message is complete in
/// itself, and is one line.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file cannot be opened or read.
    #[error("cannot read the range list {path}: {cause}; check the path and its permissions", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        cause: io::Error,
    },
    /// The path leads to something that cannot contain a list.
    #[error("the range list {path} is {found}; name a regular file or a pipe", path = path.display())]
    NotAFile {
        /// The path that the operator named.
        path: PathBuf,
        /// The kind of file found there, with its article.
        found: &'static str,
    },
    /// The source did not answer in time. Nothing is known about its list.
    #[error(
        "{list}: no answer within {}; look what hangs there: a pipe whose writer does not come to its end, or a file system \
         without its server", humantime::format_duration(*limit)
    )]
    Timeout {
        /// Name of the list.
        list: String,
        /// The time limit.
        limit: Duration,
    },
    /// The file is compressed, or is not text in UTF-8.
    #[error("{list}: {encoding}")]
    Encoded {
        /// Name of the list.
        list: String,
        /// Its encoding.
        encoding: Encoding,
    },
    /// The file is larger than any list.
    #[error("{list}: larger than {limit} bytes, which no range list is; check that it is the right file")]
    TooLarge {
        /// Name of the list.
        list: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The list has more prefixes than any set can hold.
    #[error("{list}: more than {limit} prefixes; shorten the list")]
    TooMany {
        /// Name of the list.
        list: String,
        /// The limit.
        limit: usize,
    },
    /// No line contains a prefix.
    #[error("{list}: no prefix in it; write one prefix[,geo[,region]] a line")]
    Empty {
        /// Name of the list.
        list: String,
    },
    /// A line is not valid.
    #[error("{list}, line {line}: {problem}")]
    Line {
        /// Name of the list.
        list: String,
        /// The line, from 1.
        line: usize,
        /// The problem in the line.
        problem: LineError,
    },
    /// The file begins like the output of `d365-user ranges --json`, but does not have that format.
    #[error("{list}: not what d365-user ranges --json prints: {problem}")]
    Printed {
        /// Name of the list.
        list: String,
        /// The JSON reader's message.
        problem: String,
    },
    /// The service tags document is rejected.
    #[error("{list}: {problem}")]
    Document {
        /// Name of the list.
        list: String,
        /// The reason for the rejection.
        problem: DocumentError,
    },
    /// The list is on the network, and [`load`](super::load) reads local lists only.
    #[error("{list}: lists are not downloaded here; save the document and use file:PATH")]
    Remote {
        /// Name of the list.
        list: String,
    },
}

impl SourceError {
    /// Every value of [`reason`](Self::reason) except those of a document ([`DocumentError::REASONS`]).
    pub const REASONS: [&str; 9] =
        ["io", "too_large", "too_many", "empty", "syntax", "remote", "not_a_file", "timeout", "encoding"];

    /// The reason as one word: the value of the metrics' label `reason`.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        let index = match self {
            Self::Read { .. } => 0,
            Self::TooLarge { .. } => 1,
            Self::TooMany { .. } => 2,
            Self::Empty { .. } => 3,
            Self::Line { .. } | Self::Printed { .. } => 4,
            Self::Remote { .. } => 5,
            Self::NotAFile { .. } => 6,
            Self::Timeout { .. } => 7,
            Self::Encoded { .. } => 8,
            Self::Document { problem, .. } => return problem.as_str(),
        };
        Self::REASONS[index]
    }
}
