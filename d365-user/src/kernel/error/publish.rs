//! Errors of publishing a generation, and of replacing the failsafe prefixes.

use aya::maps::MapError;
use d365_common::names;
use ipnet::IpNet;

use super::{chain::error_chain, verify::VerifyError};
use crate::kernel::{counters::CounterError, memory::explained};

/// A generation was not published. The published one is unchanged.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum PublishError {
    /// A trie could not be created.
    #[error("cannot create a trie of {entries} entries for {map}: {}", explained(.source))]
    Create { map: &'static str, entries: usize, source: MapError },
    /// A range could not be inserted.
    #[error("cannot put {prefix} into {map}: {}", explained(.source))]
    Insert { map: &'static str, prefix: IpNet, source: MapError },
    /// A page of the direct table could not be written.
    #[error("cannot put page {page} into {}: {}", names::TABLES, explained(.source))]
    Page { page: u32, source: MapError },
    /// The kernel's answers differ from the reference's.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The owner of a counter slot could not be recorded.
    #[error(transparent)]
    Owner(#[from] CounterError),
    /// A trie could not be put into its buffer, or the buffer could not be made the active one.
    #[error("cannot set place {buffer} of {map}: {}", error_chain(.source))]
    Buffer { map: &'static str, buffer: u32, source: MapError },
}

impl PublishError {
    /// Returns the error of setting a buffer of a map.
    pub(in crate::kernel) fn buffer(map: &'static str, buffer: u32) -> impl FnOnce(MapError) -> Self {
        move |source| Self::Buffer { map, buffer, source }
    }
}
