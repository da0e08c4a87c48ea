//! A document as it was downloaded, and what is known of it without reading it.

use sha2::{Digest as _, Sha256};

use super::{Date, Url};

/// What a server tells to ask with next time, as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    /// `ETag`.
    pub etag: Option<String>,
    /// `Last-Modified`.
    pub last_modified: Option<String>,
}

impl Validators {
    /// Whether there is anything to ask with.
    #[must_use]
    pub fn any(&self) -> bool {
        self.etag.is_some() || self.last_modified.is_some()
    }
}

/// What is known of a document without reading it. Enough to ask whether it is still the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Where it was asked for, before redirects.
    pub url: Url,
    /// The date in its name.
    pub date: Option<Date>,
    /// What to ask with next time.
    pub validators: Validators,
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
}

/// A document: bytes that nobody has read yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// What is known of it.
    pub stamp: Stamp,
    /// What came.
    pub bytes: Vec<u8>,
}

impl Document {
    /// A document of these bytes.
    #[must_use]
    pub fn new(url: Url, date: Option<Date>, validators: Validators, bytes: Vec<u8>) -> Self {
        let sha256 = Sha256::digest(&bytes).into();
        Self { stamp: Stamp { url, date, validators, sha256 }, bytes }
    }
}
