//! Where range lists come from. A source yields records and warnings; it never decides what is valid.

use std::path::PathBuf;
use std::str::FromStr;
use std::{fmt, io};

use ipnet::IpNet;

use crate::ranges::GeoCode;

pub mod embedded;
mod line;
pub mod plain;

pub use line::LineError;

/// One line of a list as it was written: host bits may be set, the same prefix may come twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The prefix as written.
    pub prefix: IpNet,
    /// The geo that the list itself names.
    pub geo: Option<GeoCode>,
    /// The Azure region that the list names (`WestUS2`).
    pub region: Option<String>,
    /// Line of the list, from 1, for messages.
    pub line: usize,
}

/// Where a list comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Short name, the value of the metrics' label `source`: `embedded`, `file:/etc/d365/ranges.csv`.
    pub name: String,
    /// The service tag's change number, where the list has one.
    pub change_number: Option<u64>,
    /// Date of the list, ISO 8601, where it has one.
    pub date: Option<String>,
}

/// A list: its records and where they come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// Where it comes from.
    pub origin: Origin,
    /// What it says, in its own order.
    pub records: Vec<Record>,
}

/// A source as the operator names it: the value of `--ranges`. Written and read as `embedded` or `file:PATH`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Spec {
    /// The list compiled into the program.
    #[default]
    Embedded,
    /// A list in a file ([`plain`]).
    File(PathBuf),
}

/// A value of `--ranges` that names no source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// Neither of the known kinds.
    #[error("{0:?} names no range source; write \"embedded\", or \"file:PATH\" with the path of a list")]
    Unknown(String),
    /// `file:` and nothing behind it.
    #[error("\"file:\" needs the path of a list behind it, as in file:/etc/d365/ranges.csv")]
    NoPath,
}

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
    /// The file is JSON, most likely the vendor's own document.
    #[error(
        "{list}: this looks like JSON, perhaps the service tags document, which is not read yet; \
         write one prefix[,geo[,region]] a line"
    )]
    Json {
        /// Name of the list.
        list: String,
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
}

/// Reads the list that `spec` names. The only part of this stage that touches the system, and only for files.
///
/// # Errors
/// [`SourceError`] names the file, the line and what is wrong with it.
pub fn load(spec: &Spec) -> Result<List, SourceError> {
    match spec {
        Spec::Embedded => embedded::list(),
        Spec::File(path) => plain::read(path, &spec.to_string()),
    }
}

impl FromStr for Spec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        match text.split_once(':') {
            None if text == "embedded" => Ok(Self::Embedded),
            Some(("file", "")) => Err(SpecError::NoPath),
            Some(("file", path)) => Ok(Self::File(path.into())),
            _ => Err(SpecError::Unknown(text.to_owned())),
        }
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => f.write_str("embedded"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn specs_are_written_as_they_are_read() {
        for text in ["embedded", "file:/etc/d365/ranges.csv", "file:a:b", "file: "] {
            assert_eq!(text.parse::<Spec>().unwrap().to_string(), text);
        }
        assert_eq!("file:".parse::<Spec>(), Err(SpecError::NoPath));
        for text in ["", "Embedded", "embedded:", "url:https://example.com/", "/etc/d365/ranges.csv", "azure"]
        {
            assert_eq!(text.parse::<Spec>(), Err(SpecError::Unknown(text.to_owned())));
        }
    }

    #[test]
    fn messages_say_what_to_do() {
        assert_eq!(
            "x\n".parse::<Spec>().unwrap_err().to_string(),
            r#""x\n" names no range source; write "embedded", or "file:PATH" with the path of a list"#
        );
    }

    proptest! {
        #[test]
        fn any_text_is_a_spec_or_an_error(text in any::<String>()) {
            if let Ok(spec) = text.parse::<Spec>() {
                prop_assert_eq!(spec.to_string(), text);
            }
        }
    }
}
