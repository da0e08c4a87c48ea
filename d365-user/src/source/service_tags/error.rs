//! The reasons why a document is rejected.

use super::tag::TAG;
use crate::source::{Cloud, Encoding, Reason};

/// Longest part of the JSON reader's message that an error shows, in characters.
const SHOWN: usize = 240;

/// The reason why a document is rejected. Nothing of the document is used then. Each message is one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant describes its fields")]
pub enum DocumentError {
    #[error("the document is empty")]
    Empty,
    /// A web page, perhaps from a proxy or from an overloaded server.
    #[error("this is a web page (HTML), not the service tags document; look at it in a browser")]
    Html,
    /// XML, perhaps the error message of a storage server.
    #[error("this is XML, not the service tags document; open it, it may say what is wrong")]
    Xml,
    #[error("{0}")]
    Encoded(Encoding),
    #[error("the document is cut off at line {line}; fetch it again")]
    Truncated { line: usize },
    #[error("not valid JSON at line {line}, column {column}; check that it is the service tags document")]
    Syntax { line: usize, column: usize },
    #[error("JSON, but no service tags document: {0}")]
    Shape(String),
    #[error("this is the document of the cloud {found:?}, expected {}", .expected.map_or("a known one", Cloud::document_name))]
    WrongCloud { found: String, expected: Option<Cloud> },
    #[error("the service tag {TAG} is not in the document of {date}", date = .change_number.map_or_else(|| "no change number".to_owned(), |n| format!("change number {n}")))]
    NoTag { change_number: Option<u64> },
    #[error("the service tag {TAG} holds no valid prefix among {entries} entries")]
    NoValidPrefix { entries: usize },
    /// More than a tenth of the tag's entries are not prefixes: the format is another one, or the document is
    /// damaged.
    #[error(
        "{invalid} of the {entries} entries of the service tag {TAG} are not prefixes, and at most a tenth may be invalid; the \
         first is {first:?}; look at the document, and fetch it again"
    )]
    TooManyInvalid { invalid: usize, entries: usize, first: String },
    #[error("more than {limit} {what}, which no service tags document has")]
    TooMany { what: &'static str, limit: usize },
    #[error("arrays and objects in it are nested deeper than {limit} levels, as in no service tags document")]
    TooDeep { limit: usize },
}

impl DocumentError {
    /// The reason for the metrics.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Empty => Reason::Empty,
            Self::Html => Reason::Html,
            Self::Xml => Reason::Xml,
            Self::Truncated { .. } => Reason::Truncated,
            Self::Syntax { .. } => Reason::Syntax,
            Self::Shape(_) => Reason::Shape,
            Self::WrongCloud { .. } => Reason::WrongCloud,
            Self::NoTag { .. } => Reason::NoTag,
            Self::NoValidPrefix { .. } => Reason::NoValidPrefix,
            Self::TooManyInvalid { .. } => Reason::TooManyInvalid,
            Self::TooMany { .. } => Reason::TooMany,
            Self::TooDeep { .. } => Reason::TooDeep,
            Self::Encoded(_) => Reason::Encoding,
        }
    }

    pub(super) fn shape(what: &str) -> Self {
        Self::Shape(what.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect())
    }
}

/// Maps an error of the JSON reader.
impl From<serde_json::Error> for DocumentError {
    fn from(error: serde_json::Error) -> Self {
        use serde_json::error::Category;
        match error.classify() {
            Category::Eof => Self::Truncated { line: error.line() },
            Category::Data => Self::shape(&error.to_string()),
            // The text is in memory, so reading it cannot fail.
            Category::Syntax | Category::Io => Self::Syntax { line: error.line(), column: error.column() },
        }
    }
}
