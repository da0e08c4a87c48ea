//! Reads the published generation of each d365-user program on this network namespace's interfaces, without
//! asking the daemon.
//!
//! This module only looks up prefixes and writes nothing. It never iterates over a trie: kernels before 6.13
//! have faults there (CVE-2024-50262). So it can report the requested prefixes and count the others: a trie
//! is exactly as large as its generation ([`buffers`](super::buffers)).

use std::collections::{BTreeMap, BTreeSet};

use aya::programs::{ProgramError, ProgramInfo, loaded_programs};
use d365_common::{entry::Entry, names};
use ipnet::IpNet;
use netlink_packet_route::link::LinkMessage;
use nix::libc::ENOENT;

use super::{interface, link_message, role::is_own_counter, tc};

mod error;
mod generation;

pub use error::InspectError;
use error::failed;
use generation::{Maps, read};

/// The prefixes that the kernel holds, by program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KernelRanges {
    /// The programs on this network namespace's interfaces, sorted by id.
    pub attached: Vec<AttachedProgram>,
    /// Number of programs of other objects: on interfaces of other network namespaces, or on none.
    pub elsewhere: usize,
}

/// An attached program and the prefixes that it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachedProgram {
    /// The program's id.
    pub program: u32,
    /// The interfaces that it is attached to.
    pub interfaces: Vec<String>,
    /// The requested prefixes that it holds.
    pub entries: Vec<(IpNet, Entry)>,
    /// Number of other prefixes that it holds.
    pub others: usize,
}

/// Looks up each of `prefixes` in every attached program. The prefixes have no host bits.
///
/// # Errors
/// [`InspectError`]. The result is never partial.
pub fn inspect(prefixes: &[IpNet]) -> Result<KernelRanges, InspectError> {
    let mut own = Vec::new();
    for program in loaded_programs() {
        let program = match program {
            // The program was unloaded while the list was read.
            Err(ProgramError::SyscallError(error)) if error.io_error.raw_os_error() == Some(ENOENT) => {
                continue;
            }
            program => program?,
        };
        if program.name_as_str().is_some_and(is_own_counter) {
            own.push(program);
        }
    }
    let attached_interfaces = attached_interfaces()?;
    let (mut found, mut maps) = (KernelRanges::default(), BTreeSet::new());
    own.sort_by_key(|program| !attached_interfaces.contains_key(&program.id()));
    for program in own {
        match attached_interfaces.get(&program.id()) {
            Some(interfaces) => {
                found.attached.push(read_program(&program, interfaces.clone(), prefixes)?);
                maps.extend(program.map_ids()?.unwrap_or_default());
            }
            None => {
                // It may have been unloaded in the meantime.
                let its_maps = program.map_ids().ok().flatten();
                // One object has several programs, and attaches those that it needs.
                let is_other = |its_maps: &Vec<u32>| its_maps.iter().all(|map| !maps.contains(map));
                found.elsewhere += usize::from(its_maps.as_ref().is_some_and(is_other));
            }
        }
    }
    found.attached.sort_by_key(|attached| attached.program);
    Ok(found)
}

/// The programs of this network namespace, each with the interfaces that it is attached to.
fn attached_interfaces() -> Result<BTreeMap<u32, Vec<String>>, InspectError> {
    let mut attached_interfaces = BTreeMap::<u32, Vec<String>>::new();
    for link in link_message::all(LinkMessage::default()).map_err(InspectError::Interfaces)? {
        let xdp = link.attributes.iter().find_map(interface::program).map(|xdp| xdp.program);
        let tc = tc::programs(link.header.index).map_err(InspectError::Interfaces)?;
        for program in xdp.into_iter().chain(tc) {
            attached_interfaces.entry(program).or_default().push(link_message::name(&link));
        }
    }
    Ok(attached_interfaces)
}

fn read_program(
    program: &ProgramInfo,
    interfaces: Vec<String>,
    prefixes: &[IpNet],
) -> Result<AttachedProgram, InspectError> {
    let maps = Maps::of(program)?;
    let id = program.id();
    let (v4, v6) = maps.published()?;
    let mut entries = Vec::new();
    let mut others = 0;
    let in_v4 = prefixes.iter().filter_map(|prefix| match prefix {
        IpNet::V4(net) => Some((*prefix, net.addr().octets())),
        IpNet::V6(_) => None,
    });
    let in_v6 = prefixes.iter().filter_map(|prefix| match prefix {
        IpNet::V4(_) => None,
        IpNet::V6(net) => Some((*prefix, net.addr().octets())),
    });
    others += read(v4, in_v4, &mut entries).map_err(failed(id, names::TRIES_V4))?;
    others += read(v6, in_v6, &mut entries).map_err(failed(id, names::TRIES_V6))?;
    Ok(AttachedProgram { program: id, interfaces, entries, others })
}
