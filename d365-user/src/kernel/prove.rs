//! Proves a generation in the idle place: asks the kernel program itself, by `BPF_PROG_TEST_RUN`, and compares
//! with the reference's answers.
//!
//! It counts nothing and publishes nothing; the program that answers is `d365_prove`, the same code as the
//! attached one without its counters.
//!
//! The program is asked at every edge of a range, where the reference's answer can change. A direct table could change its
//! answer elsewhere. So it is read back from the kernel, and each address at which it does is looked up in the reference:
//! between two changes both stay as they are, and so every address is covered.

use std::{fmt, net::IpAddr};

use aya::{maps::MapError, programs::ProgramError};
use d365_common::{answer::Answer, direct::Said, entry::Entry, names};
use ipnet::IpNet;

use super::{
    chain,
    load::Kernel,
    maps::{Places, Proven, Staged},
};
use crate::generation::{Change, Compiled, Question, Reference, changes, questions};

/// Why a generation was not proven.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The program answered something else than the reference.
    #[error(
        "the kernel's answer for {source_address} is {}, and should be {}: a fault of this kernel or of the \
         compiled list; the list is not used",
        shown(.answer), shown(.expected)
    )]
    Mismatch {
        /// The address asked for.
        source_address: IpAddr,
        /// The range that should have been found.
        expected: Option<Answered>,
        /// What the program found.
        answer: Option<Answered>,
    },
    /// The program did not take the question for a mail packet.
    #[error("the kernel's answer for {source_address} makes no sense ({bits:#010x}); the list is not used")]
    Nonsense {
        /// The address asked for.
        source_address: IpAddr,
        /// The program's result.
        bits: u32,
    },
    /// A page of the direct table cannot be read.
    #[error("cannot read page {page} of {}: {}", names::TABLES, chain(.source))]
    Read {
        /// The page.
        page: u32,
        /// What the kernel said.
        source: MapError,
    },
    /// A page of the direct table is named more than once.
    #[error("page {page} of {} is named twice; the list is not used", names::TABLES)]
    Tangled {
        /// The page.
        page: u32,
    },
    /// The program cannot be asked.
    #[error("cannot ask the kernel program {}: {}", names::PROGRAM_PROVE, chain(.0))]
    Program(#[from] ProgramError),
    /// The place cannot be named to the program.
    #[error("cannot use map {map}: {}", chain(.source))]
    Place {
        /// The map.
        map: &'static str,
        /// What the kernel said.
        source: MapError,
    },
}

/// What an entry stands for in a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The range that has the entry's slot; `None` when none has.
    pub prefix: Option<IpNet>,
    /// The entry.
    pub entry: Entry,
}

impl Answered {
    fn of(entry: Entry, generation: &Compiled) -> Self {
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

fn place(map: &'static str) -> impl FnOnce(MapError) -> ProofError {
    move |source| ProofError::Place { map, source }
}

impl Kernel {
    /// Asks every question that `generation` raises of what is staged.
    ///
    /// # Errors
    /// [`ProofError`] for the first wrong answer. What was staged is never judged by then.
    pub fn prove(&mut self, staged: Staged, generation: &Compiled) -> Result<Proven, ProofError> {
        let first = self.places.tables.first(staged.place);
        self.places.proven.set(0, first, 0).map_err(place(names::PROVEN))?;
        let prefixes: Vec<IpNet> = generation.entries.iter().map(|(prefix, _)| *prefix).collect();
        let reference = Reference::new(&prefixes);
        let entry = |position: Option<usize>| position.map(|position| generation.entries[position].1);
        for Question { source, expected } in questions(&prefixes, &reference) {
            let (found, _) = self.look_up(source)?;
            compare(source, found, entry(expected), generation)?;
        }
        for Change { from, said } in changes(self.places.tables.reader(staged.place))? {
            let found = match said {
                Said::Unlisted => None,
                Said::Listed(entry) => Some(entry),
                Said::AskTrie => continue,
            };
            compare(from, found, entry(reference.longest_match(from)), generation)?;
        }
        Ok(Proven(staged))
    }

    /// Whether a packet from `source` to a watched port may be tagged now: it is listed in the published generation,
    /// not retired, and the lease holds. Counts nothing.
    ///
    /// # Errors
    /// [`ProofError`] when the program cannot be asked.
    pub fn is_vouched(&mut self, source: IpAddr) -> Result<bool, ProofError> {
        self.ask_of_published()?;
        Ok(self.look_up(source)?.1)
    }

    /// What the program takes `frame` for (at least 14 bytes, and what one buffer holds), by the published generation: the bits
    /// of an [`Answer`]. Counts nothing.
    ///
    /// # Errors
    /// [`ProofError`] when the program cannot be asked.
    pub fn answer(&mut self, frame: &[u8]) -> Result<u32, ProofError> {
        self.ask_of_published()?;
        self.bits(frame)
    }

    /// Has `PROVEN` name the published place.
    fn ask_of_published(&mut self) -> Result<(), ProofError> {
        let Places { active, proven, .. } = &mut self.places;
        let published = active.get(&0, 0).map_err(place(names::ACTIVE))?;
        proven.set(0, published, 0).map_err(place(names::PROVEN))
    }

    /// What the place that `PROVEN` names says of `source`: the entry found, and whether it is vouched for.
    fn look_up(&mut self, source: IpAddr) -> Result<(Option<Entry>, bool), ProofError> {
        let bits = self.bits(&frame(source, self.port))?;
        let found = Answer::found(bits).ok_or(ProofError::Nonsense { source_address: source, bits })?;
        Ok((found, Answer::vouched(bits)))
    }

    /// The program's result for a frame.
    fn bits(&mut self, frame: &[u8]) -> Result<u32, ProofError> {
        Ok(self.ask(names::PROGRAM_PROVE, frame)?)
    }
}

/// What was found has to be what the reference says.
fn compare(
    source_address: IpAddr,
    found: Option<Entry>,
    expected: Option<Entry>,
    generation: &Compiled,
) -> Result<(), ProofError> {
    if found == expected {
        return Ok(());
    }
    let answered = |entry: Option<Entry>| entry.map(|entry| Answered::of(entry, generation));
    Err(ProofError::Mismatch { source_address, expected: answered(expected), answer: answered(found) })
}

/// A SYN to `port` from `source`: Ethernet (IEEE 802.3), IPv4 (RFC 791) or IPv6 (RFC 8200), TCP (RFC 9293).
/// Addresses and checksums that nobody looks at are zero.
fn frame(source: IpAddr, port: u16) -> Vec<u8> {
    let mut frame = vec![0; 12];
    match source {
        IpAddr::V4(source) => {
            frame.extend([0x08, 0x00, 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0]);
            frame.extend(source.octets());
            frame.extend([0; 4]);
        }
        IpAddr::V6(source) => {
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 20, 6, 64]);
            frame.extend(source.octets());
            frame.extend([0; 16]);
        }
    }
    frame.extend([0, 0]);
    frame.extend(port.to_be_bytes());
    frame.extend([0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x02, 0, 0, 0, 0, 0, 0]);
    frame
}
