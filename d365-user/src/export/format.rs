//! The registry of formats.

use super::{Export, formats};

/// A format.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// The value of `--format`.
    pub name: &'static str,
    /// The name of its file in the directory of `--export`.
    pub file: &'static str,
    /// The value of `Content-Type` over HTTP.
    pub content_type: &'static str,
    /// Renders an export.
    pub render: fn(&Export) -> String,
}

const TEXT: &str = "text/plain; charset=utf-8";

/// All formats, in the order of the documents.
pub const FORMATS: [Format; 2] = [
    Format { name: "plain", file: "d365.txt", content_type: TEXT, render: formats::plain::render },
    Format {
        name: "json",
        file: "d365.json",
        content_type: "application/json",
        render: formats::json::render,
    },
];

/// Two formats of the same name are the same.
impl PartialEq for Format {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Format {}

impl Format {
    /// The format of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        FORMATS.into_iter().find(|format| format.name == name)
    }
}
