//! The limits and the options of reading a document.

use super::tags::MAX_PREFIXES;
use crate::source::Cloud;

/// The limits of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes. The largest real document so far has 4.4 million.
    pub bytes: u64,
    /// Prefixes of all entries that are kept, at most 2^18.
    pub prefixes: usize,
    /// Levels of nested arrays and objects, at most 100. A real document has 5.
    pub depth: usize,
}

/// Options for reading a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The only cloud whose document is accepted. `None` accepts the document of any known cloud.
    pub cloud: Option<Cloud>,
    /// True if every prefix of every Azure region is kept ([`Document::azure`](super::Document::azure)).
    pub keep_azure: bool,
    /// The limits of the document.
    pub limits: Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 32 << 20, prefixes: MAX_PREFIXES, depth: 32 }
    }
}
