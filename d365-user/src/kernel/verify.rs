//! Verifies a generation in the standby buffer: runs the kernel program by `BPF_PROG_TEST_RUN`, and compares
//! its answers with the reference's.
//!
//! This module counts nothing and publishes nothing. The program is `d365_prove`, the same code as the
//! attached program without its counters and actions.
//!
//! The module runs the program for every edge of a range, where the reference's answer can change. A direct
//! table could change its answer elsewhere. So the module reads the table back from the kernel, and looks up
//! each address at which the table's answer changes in the reference. Between two changes both answers are
//! constant, so every address is covered.

use std::net::IpAddr;

use d365_common::{answer::Answer, direct::TableLookup, entry::Entry, names};
use ipnet::IpNet;

use super::{
    buffers::{Staged, Verified},
    error::{MapIndexError, VerifyError},
    object::Kernel,
};
use crate::generation::{Change, Compiled, Probe, ReferenceTrie, changes, probes};

impl Kernel {
    /// Verifies what is staged: every probe that `generation` needs must give the reference's answer.
    ///
    /// # Errors
    /// [`VerifyError`] for the first wrong answer. The staged generation then never classifies a packet.
    pub fn verify(&mut self, staged: Staged, generation: &Compiled) -> Result<Verified, VerifyError> {
        let first = self.buffers.tables.first(staged.buffer);
        self.buffers.proven.set(0, first, 0).map_err(MapIndexError::at(names::PROVEN, 0))?;
        let prefixes: Vec<IpNet> = generation.entries.iter().map(|(prefix, _)| *prefix).collect();
        let reference = ReferenceTrie::new(&prefixes);
        let entry = |position: Option<usize>| position.map(|position| generation.entries[position].1);
        for Probe { source, expected } in probes(&prefixes, &reference) {
            let found = self.look_up(source)?;
            compare(source, found, entry(expected), generation)?;
        }
        for Change { from, lookup } in changes(self.buffers.tables.reader(staged.buffer))? {
            let found = match lookup {
                TableLookup::Unlisted => None,
                TableLookup::Listed(entry) => Some(entry),
                TableLookup::AskTrie => continue,
            };
            compare(from, found, entry(reference.longest_match(from)), generation)?;
        }
        Ok(Verified(staged))
    }

    /// Looks up `source` in the buffer that `PROVEN` names.
    fn look_up(&mut self, source: IpAddr) -> Result<Option<Entry>, VerifyError> {
        let bits = self.ask(names::PROGRAM_PROVE, &frame(source, self.port))?;
        Answer::found(bits).ok_or(VerifyError::Nonsense { source_address: source, bits })
    }
}

/// Compares an entry with the reference's.
fn compare(
    source_address: IpAddr,
    found: Option<Entry>,
    expected: Option<Entry>,
    generation: &Compiled,
) -> Result<(), VerifyError> {
    if found == expected {
        return Ok(());
    }
    let (expected, answer) = (shown(expected, generation), shown(found, generation));
    Err(VerifyError::Mismatch { source_address, expected, answer })
}

/// Formats an entry and the range that has its slot.
fn shown(entry: Option<Entry>, generation: &Compiled) -> String {
    let Some(entry) = entry else { return "unlisted".to_owned() };
    let range = generation.entries.iter().find(|(_, own)| own.slot() == entry.slot());
    let prefix = range.map_or_else(|| "of no range".to_owned(), |(prefix, _)| prefix.to_string());
    let retired = if entry.is_retired() { ", retired" } else { "" };
    let (slot, geo, group) = (entry.slot(), entry.geo(), entry.group());
    format!("{prefix} (slot {slot}, geo {geo}, lease group {group}{retired})")
}

/// Makes a SYN to `port` from `source`: Ethernet (IEEE 802.3), IPv4 (RFC 791) or IPv6 (RFC 8200), TCP (RFC
/// 9293). Addresses and checksums that the program does not read are zero.
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
