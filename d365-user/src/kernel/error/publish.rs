//! Errors of publishing a generation, and of replacing the failsafe prefixes.

use aya::maps::MapError;
use d365_common::names;
use ipnet::IpNet;

use super::{chain::error_chain, verify::VerifyError};
use crate::kernel::memory::explained;

/// A generation was not published. The published one is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// A trie could not be created.
    #[error("cannot create a trie of {entries} entries for {map}: {}", explained(.source))]
    Create {
        /// The outer map.
        map: &'static str,
        /// The number of entries of the trie.
        entries: usize,
        /// The kernel's error.
        source: MapError,
    },
    /// A range could not be inserted.
    #[error("cannot put {prefix} into {map}: {}", explained(.source))]
    Insert {
        /// The outer map.
        map: &'static str,
        /// The range.
        prefix: IpNet,
        /// The kernel's error.
        source: MapError,
    },
    /// A page of the direct table could not be written.
    #[error("cannot put page {page} into {}: {}", names::TABLES, explained(.source))]
    Page {
        /// The page's number.
        page: u32,
        /// The kernel's error.
        source: MapError,
    },
    /// The kernel's answers differ from the reference's.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// A trie could not be put into its buffer, or the buffer could not be made the active one.
    #[error("cannot set place {buffer} of {map}: {}", error_chain(.source))]
    Buffer {
        /// The map.
        map: &'static str,
        /// The buffer's number.
        buffer: u32,
        /// The kernel's error.
        source: MapError,
    },
}

impl PublishError {
    /// Returns the error of setting a buffer of a map.
    pub(in crate::kernel) fn buffer(map: &'static str, buffer: u32) -> impl FnOnce(MapError) -> Self {
        move |source| Self::Buffer { map, buffer, source }
    }
}
