//! Proves a generation in the idle place: asks the kernel program itself, by `BPF_PROG_TEST_RUN`, and compares
//! with the reference's answers.
//!
//! It counts nothing and publishes nothing; the program that answers is `d365_prove`, the same code as the
//! attached one without its counters.

use std::net::IpAddr;

use aya::{
    maps::MapError,
    programs::{ProgramError, TestRun as _, TestRunOptions, Xdp},
};
use d365_common::{answer::Answer, entry::Entry, names};
use ipnet::IpNet;

use super::{
    chain,
    load::Kernel,
    maps::{Proven, Staged},
};
use crate::generation::{Compiled, Question, questions};

/// Why a generation was not proven.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The program answered something else than the reference.
    #[error(
        "the kernel's answer for {source_address} is {}, and should be {}: a fault of this kernel or of the \
         compiled list; the list is not used",
        shown(.answer.as_ref()), shown(.expected.as_ref())
    )]
    Mismatch {
        /// The address asked for.
        source_address: IpAddr,
        /// The range that should have been found.
        expected: Option<IpNet>,
        /// What the program found.
        answer: Option<IpNet>,
    },
    /// The program did not take the question for a mail packet, or found an entry of no range.
    #[error("the kernel's answer for {source_address} makes no sense ({bits:#010x}); the list is not used")]
    Nonsense {
        /// The address asked for.
        source_address: IpAddr,
        /// The program's result.
        bits: u32,
    },
    /// The program cannot be asked.
    #[error("cannot ask the kernel program: {}", chain(.0))]
    Program(#[from] ProgramError),
    /// The place cannot be named to the program.
    #[error("cannot set map PROVEN: {}", chain(.0))]
    Place(#[from] MapError),
}

fn shown(prefix: Option<&IpNet>) -> String {
    prefix.map_or_else(|| "unlisted".to_owned(), ToString::to_string)
}

impl Kernel {
    /// Asks every question that `generation` raises of what is staged.
    ///
    /// # Errors
    /// [`ProofError`] for the first wrong answer. What was staged is never judged by then.
    pub fn prove(&mut self, staged: Staged, generation: &Compiled) -> Result<Proven, ProofError> {
        self.places.proven.set(0, staged.place, 0)?;
        let port = self.port;
        let program = self.ebpf.program_mut(names::PROGRAM_PROVE).ok_or(ProgramError::NotLoaded)?;
        let program: &mut Xdp = program.try_into()?;
        let prefixes: Vec<IpNet> = generation.entries.iter().map(|(prefix, _)| *prefix).collect();
        for Question { source, expected } in questions(&prefixes) {
            let frame = frame(source, port);
            let options = TestRunOptions { data_in: Some(&frame), ..TestRunOptions::default() };
            let bits = program.test_run(options)?.return_value;
            let nonsense = ProofError::Nonsense { source_address: source, bits };
            let found = Answer::found(bits).ok_or(nonsense)?;
            let expected = expected.map(|position| generation.entries[position]);
            if found != expected.map(|(_, entry)| entry) {
                return Err(ProofError::Mismatch {
                    source_address: source,
                    expected: expected.map(|(prefix, _)| prefix),
                    answer: found.and_then(|entry| prefix_of(generation, entry)),
                });
            }
        }
        Ok(Proven(staged))
    }
}

fn prefix_of(generation: &Compiled, entry: Entry) -> Option<IpNet> {
    generation.entries.iter().find(|(_, own)| *own == entry).map(|(prefix, _)| *prefix)
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
