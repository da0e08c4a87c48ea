//! Errors of the verification of a generation.

use std::{fmt, net::IpAddr};

use aya::{maps::MapError, programs::ProgramError};
use d365_common::{entry::Entry, names};
use ipnet::IpNet;

use super::chain::error_chain;
use crate::generation::Compiled;

/// A generation was not verified.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum VerifyError {
    /// The program's answer differs from the reference's.
    #[error(
        "the kernel's answer for {source_address} is {}, and should be {}: a fault of this kernel or of the \
         compiled list; the list is not used",
        shown(.answer), shown(.expected)
    )]
    Mismatch { source_address: IpAddr, expected: Option<Answered>, answer: Option<Answered> },
    /// The program did not classify the frame as a segment to a watched port.
    #[error("the kernel's answer for {source_address} makes no sense ({bits:#010x}); the list is not used")]
    Nonsense { source_address: IpAddr, bits: u32 },
    /// A page of the direct table cannot be read.
    #[error("cannot read page {page} of {}: {}", names::TABLES, error_chain(.source))]
    Read { page: u32, source: MapError },
    /// Several cells of the direct table name the same page.
    #[error("page {page} of {} is named twice; the list is not used", names::TABLES)]
    Tangled { page: u32 },
    /// The program cannot be run.
    #[error("cannot ask the kernel program {}: {}", names::PROGRAM_PROVE, error_chain(.0))]
    Program(#[from] ProgramError),
    /// `PROVEN` cannot be set to the buffer.
    #[error("cannot use map {map}: {}", error_chain(.source))]
    Buffer { map: &'static str, source: MapError },
}

/// An entry, and its range in a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The range with the entry's slot; `None` if no range has it.
    pub prefix: Option<IpNet>,
    /// The entry.
    pub entry: Entry,
}

impl Answered {
    /// Finds the range of an entry by its slot.
    pub(in crate::kernel) fn of(entry: Entry, generation: &Compiled) -> Self {
        let has_slot = |(_, own): &&(IpNet, Entry)| own.slot() == entry.slot();
        let prefix = generation.entries.iter().find(has_slot).map(|(prefix, _)| *prefix);
        Self { prefix, entry }
    }
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix {
            Some(prefix) => write!(f, "{prefix}")?,
            None => f.write_str("of no range")?,
        }
        let retired = if self.entry.is_retired() { ", retired" } else { "" };
        let (slot, geo, group) = (self.entry.slot(), self.entry.geo(), self.entry.group());
        write!(f, " (slot {slot}, geo {geo}, lease group {group}{retired})")
    }
}

fn shown(answer: &Option<Answered>) -> String {
    answer.map_or_else(|| "unlisted".to_owned(), |answer| answer.to_string())
}
