//! Errors of publishing a generation, and of replacing the failsafe prefixes.

use aya::maps::MapError;
use ipnet::IpNet;

use super::verify::{MapIndexError, VerifyError};
use crate::kernel::memory::explained;

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
    /// The kernel's answers differ from the reference's.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// A page, a trie, the number of the active buffer or the owner of a counter slot could not be set.
    #[error(transparent)]
    Index(#[from] MapIndexError),
}
