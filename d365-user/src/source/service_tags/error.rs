//! Why a document is refused.

use std::io;

use super::TAG;
use crate::source::{Cloud, Encoding};

/// How much of what the JSON reader says a message shows, in characters.
const SHOWN: usize = 240;

/// Why a document is refused. Nothing of it is used then. Each message is one line.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Nothing but white space.
    #[error("the document is empty")]
    Empty,
    /// A web page, perhaps of a proxy or of an overloaded server.
    #[error("this is a web page (HTML), not the service tags document; look at it in a browser")]
    Html,
    /// XML, perhaps a storage server's message.
    #[error("this is XML, not the service tags document; open it, it may say what is wrong")]
    Xml,
    /// Compressed, or not in UTF-8.
    #[error("{0}")]
    Encoded(Encoding),
    /// The text ends too early.
    #[error("the document is cut off at line {line}; fetch it again")]
    Truncated {
        /// Its last line, from 1.
        line: usize,
    },
    /// Not JSON.
    #[error("not valid JSON at line {line}, column {column}; check that it is the service tags document")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// The column, from 1; 0 before a line's first character.
        column: usize,
    },
    /// JSON, but not what a service tags document looks like.
    #[error("JSON, but no service tags document: {what}")]
    Shape {
        /// What is not as it should be.
        what: String,
    },
    /// The document of another cloud.
    #[error("this is the document of the cloud {found:?}, expected {}", .expected.map_or("a known one", Cloud::document_name))]
    WrongCloud {
        /// The cloud that it names.
        found: String,
        /// The one that was asked for, if a single one was.
        expected: Option<Cloud>,
    },
    /// The tag is not in it.
    #[error("the service tag {TAG} is not in the document of {date}", date = .change_number.map_or_else(|| "no change number".to_owned(), |n| format!("change number {n}")))]
    NoTag {
        /// The document's change number.
        change_number: Option<u64>,
    },
    /// The tag is in it, and holds no valid prefix.
    #[error("the service tag {TAG} holds no valid prefix among {entries} entries")]
    NoValidPrefix {
        /// How many entries the tag has.
        entries: usize,
    },
    /// More than a tenth of what the tag holds is no prefix: another format, or damage.
    #[error(
        "{invalid} of the {entries} entries of the service tag {TAG} are no prefix, and at most a tenth may be, the first is \
         {first:?}; look at the document, and fetch it again"
    )]
    TooManyInvalid {
        /// Entries that are no prefix.
        invalid: usize,
        /// All entries of the tag.
        entries: usize,
        /// The first that is no prefix, shortened.
        first: String,
    },
    /// More bytes than a document can have.
    #[error("larger than {limit} bytes, which no service tags document is")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// More prefixes, or regions, than a document can have.
    #[error("more than {limit} {what}, which no service tags document has")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Nested deeper than a document can be.
    #[error("arrays and objects in it are nested deeper than {limit} levels, as in no service tags document")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// It cannot be read to its end.
    #[error("cannot read the document to its end: {0}")]
    Io(io::Error),
}

impl DocumentError {
    /// Every word of [`as_str`](Self::as_str).
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

    /// The reason in a word, the metrics' label `reason`.
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

/// What the JSON reader says, but for what only the input knows.
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
