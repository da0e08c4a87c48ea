//! Errors of verifying and publishing a generation, and of replacing the failsafe prefixes.

use std::net::IpAddr;

use aya::{maps::MapError, programs::ProgramError};
use d365_common::names;
use ipnet::IpNet;

use super::error_chain;
use crate::kernel::memory::explained;

/// A generation was not published. The published one is unchanged.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what variants and fields are")]
pub enum PublishError {
    #[error("cannot create a trie of {entries} entries for {map}: {}", explained(.source))]
    Create { map: &'static str, entries: usize, source: MapError },
    #[error("cannot put {prefix} into {map}: {}", explained(.source))]
    Insert { map: &'static str, prefix: IpNet, source: MapError },
    #[error(transparent)]
    Verify(#[from] VerifyError),
    #[error(transparent)]
    Index(#[from] MapIndexError),
}

/// A generation was not verified.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what variants and fields are")]
pub enum VerifyError {
    #[error(
        "the kernel's answer for {source_address} is {answer}, and should be {expected}: a fault of this kernel or of the \
         compiled list; the list is not used"
    )]
    Mismatch { source_address: IpAddr, expected: String, answer: String },
    /// The program did not classify the frame as a segment to a watched port.
    #[error("the kernel's answer for {source_address} makes no sense ({bits:#010x}); the list is not used")]
    Nonsense { source_address: IpAddr, bits: u32 },
    /// Several cells of the direct table name the same page.
    #[error("page {page} of {} is named twice; the list is not used", names::TABLES)]
    Tangled { page: u32 },
    #[error("cannot ask the kernel program {}: {}", names::PROGRAM_PROVE, error_chain(.0))]
    Program(#[from] ProgramError),
    #[error(transparent)]
    Index(#[from] MapIndexError),
}

/// A value of a map cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot use index {index} of map {map}: {}", explained(.source))]
pub struct MapIndexError {
    map: &'static str,
    index: u32,
    source: MapError,
}

impl MapIndexError {
    /// Returns the conversion of an error at an index of a map.
    pub(in crate::kernel) fn at(map: &'static str, index: u32) -> impl Fn(MapError) -> Self {
        move |source| Self { map, index, source }
    }
}
