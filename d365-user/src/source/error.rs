//! Why a source yields no list.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::encoding::Encoding;
use super::line::LineError;
use super::service_tags::DocumentError;

/// Why a source yields no list. Nothing of it is used then. Each message is whole in itself, and one line.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file cannot be opened or read.
    #[error("cannot read the range list {path}: {cause}; check the path and its permissions", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// It is no file that a list can be in.
    #[error("the range list {path} is {found}; name a regular file or a pipe", path = path.display())]
    NotAFile {
        /// What was named.
        path: PathBuf,
        /// What it is, with its article.
        found: &'static str,
    },
    /// It does not answer. Nothing is known of it by that.
    #[error(
        "{list}: no answer within {}; look what hangs there: a pipe whose writer does not come to its end, or a file system \
         without its server", humantime::format_duration(*limit)
    )]
    Timeout {
        /// Name of the list.
        list: String,
        /// How long it was waited for.
        limit: Duration,
    },
    /// It is not text in UTF-8.
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
    /// More prefixes than any set can take.
    #[error("{list}: more than {limit} prefixes; shorten the list")]
    TooMany {
        /// Name of the list.
        list: String,
        /// The limit.
        limit: usize,
    },
    /// No line of it holds a prefix.
    #[error("{list}: no prefix in it; write one prefix[,geo[,region]] a line")]
    Empty {
        /// Name of the list.
        list: String,
    },
    /// One line cannot be understood.
    #[error("{list}, line {line}: {problem}")]
    Line {
        /// Name of the list.
        list: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        problem: LineError,
    },
    /// It begins like what `d365-user ranges --json` prints, and is something else.
    #[error("{list}: not what d365-user ranges --json prints: {problem}")]
    Printed {
        /// Name of the list.
        list: String,
        /// The JSON reader's message.
        problem: String,
    },
    /// The service tags document is refused.
    #[error("{list}: {problem}")]
    Document {
        /// Name of the list.
        list: String,
        /// Why.
        problem: DocumentError,
    },
    /// The list lies on the network, and [`load`](super::load) reads what is here.
    #[error("{list}: lists are not downloaded here; save the document and use file:PATH")]
    Remote {
        /// Name of the list.
        list: String,
    },
}

impl SourceError {
    /// Every word of [`reason`](Self::reason) that is not a document's ([`DocumentError::REASONS`]).
    pub const REASONS: [&str; 9] =
        ["io", "too_large", "too_many", "empty", "syntax", "remote", "not_a_file", "timeout", "encoding"];

    /// The reason in a word, the metrics' label `reason`.
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
