//! The reasons why a document is rejected.

use std::io;

use super::{shape::Shape, tags::TAG};
use crate::source::{Cloud, Encoding};

/// Longest part of the JSON reader's message that an error shows, in characters.
const SHOWN: usize = 240;

/// The reason why a document is rejected. Nothing of the document is used then. Each message is one line.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The text has nothing but white space.
    #[error("the document is empty")]
    Empty,
    /// A web page, perhaps from a proxy or from an overloaded server.
    #[error("this is a web page (HTML), not the service tags document; look at it in a browser")]
    Html,
    /// XML, perhaps the error message of a storage server.
    #[error("this is XML, not the service tags document; open it, it may say what is wrong")]
    Xml,
    /// Compressed, or not in UTF-8.
    #[error("{0}")]
    Encoded(Encoding),
    /// The text ends too early.
    #[error("the document is cut off at line {line}; fetch it again")]
    Truncated {
        /// The last line of the text, from 1.
        line: usize,
    },
    /// Not JSON.
    #[error("not valid JSON at line {line}, column {column}; check that it is the service tags document")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// The column, from 1; 0 before the first character of a line.
        column: usize,
    },
    /// JSON that does not have the shape of a service tags document.
    #[error("JSON, but no service tags document: {what}")]
    Shape {
        /// The difference from that shape.
        what: String,
    },
    /// The document of another cloud.
    #[error("this is the document of the cloud {found:?}, expected {}", .expected.map_or("a known one", Cloud::document_name))]
    WrongCloud {
        /// The cloud that it names.
        found: String,
        /// The expected cloud, if only one is accepted.
        expected: Option<Cloud>,
    },
    /// The document does not contain the tag.
    #[error("the service tag {TAG} is not in the document of {date}", date = .change_number.map_or_else(|| "no change number".to_owned(), |n| format!("change number {n}")))]
    NoTag {
        /// The document's change number.
        change_number: Option<u64>,
    },
    /// The document contains the tag, but no valid prefix of it.
    #[error("the service tag {TAG} holds no valid prefix among {entries} entries")]
    NoValidPrefix {
        /// The number of the tag's entries.
        entries: usize,
    },
    /// More than a tenth of the tag's entries are not prefixes: the format is another one, or the document is
    /// damaged.
    #[error(
        "{invalid} of the {entries} entries of the service tag {TAG} are no prefix, and at most a tenth may be, the first is \
         {first:?}; look at the document, and fetch it again"
    )]
    TooManyInvalid {
        /// The number of entries that are not prefixes.
        invalid: usize,
        /// The number of all entries of the tag.
        entries: usize,
        /// The first entry that is not a prefix, shortened.
        first: String,
    },
    /// More bytes than any document has.
    #[error("larger than {limit} bytes, which no service tags document is")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// More prefixes or regions than any document has.
    #[error("more than {limit} {what}, which no service tags document has")]
    TooMany {
        /// The kind of items that are counted.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Deeper nesting than any document has.
    #[error("arrays and objects in it are nested deeper than {limit} levels, as in no service tags document")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// The document cannot be read to its end.
    #[error("cannot read the document to its end: {0}")]
    Io(io::Error),
}

impl DocumentError {
    /// Every value of [`as_str`](Self::as_str).
    pub const REASONS: [&str; 15] = [
        "empty",
        "html",
        "xml",
        "truncated",
        "syntax",
        "shape",
        "wrong_cloud",
        "no_tag",
        "no_valid_prefix",
        "too_many_invalid",
        "too_large",
        "too_many",
        "too_deep",
        "io",
        "encoding",
    ];

    /// The reason as one word: the value of the metrics' label `reason`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        let index = match self {
            Self::Empty => 0,
            Self::Html => 1,
            Self::Xml => 2,
            Self::Truncated { .. } => 3,
            Self::Syntax { .. } => 4,
            Self::Shape { .. } => 5,
            Self::WrongCloud { .. } => 6,
            Self::NoTag { .. } => 7,
            Self::NoValidPrefix { .. } => 8,
            Self::TooManyInvalid { .. } => 9,
            Self::TooLarge { .. } => 10,
            Self::TooMany { .. } => 11,
            Self::TooDeep { .. } => 12,
            Self::Io(_) => 13,
            Self::Encoded(_) => 14,
        };
        Self::REASONS[index]
    }

    pub(super) fn shape(what: &str) -> Self {
        let shown = what.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN);
        Self::Shape { what: shown.collect() }
    }
}

/// Maps an error of the JSON reader. Only the input knows that its size limit was exceeded.
impl From<serde_json::Error> for DocumentError {
    fn from(error: serde_json::Error) -> Self {
        use serde_json::error::Category;
        match error.classify() {
            Category::Eof => Self::Truncated { line: error.line() },
            Category::Syntax => Self::Syntax { line: error.line(), column: error.column() },
            Category::Data => Self::shape(&error.to_string()),
            Category::Io => Self::Io(error.into()),
        }
    }
}

impl From<Shape> for DocumentError {
    fn from(shape: Shape) -> Self {
        Self::shape(&shape.to_string())
    }
}
