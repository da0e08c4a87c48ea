//! A downloaded document, and the facts about it that are known without reading it.

use serde::{Deserialize, Serialize};

use super::Url;

/// The validators that a server sends for the next request, as written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validators {
    /// `ETag`.
    pub etag: Option<String>,
    /// `Last-Modified`.
    pub last_modified: Option<String>,
}

impl Validators {
    /// True if there is at least one validator.
    #[must_use]
    pub fn any(&self) -> bool {
        self.etag.is_some() || self.last_modified.is_some()
    }
}

/// The facts about a document that are known without reading it. They are enough to ask the server if it has
/// changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The URL that was requested, before redirects. It is stored without its query, which may be a token.
    pub url: Url,
    /// The date in the document's file name, as 2026-08-03.
    pub date: Option<String>,
    /// The validators for the next request.
    #[serde(flatten)]
    pub validators: Validators,
}

/// A downloaded document, whose bytes are not parsed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The facts about the document.
    pub stamp: Stamp,
    /// The bytes as received.
    pub bytes: Vec<u8>,
}
