//! Reads the published generation of each d365-user program on this network namespace's interfaces, without
//! asking the daemon.
//!
//! This module only looks up prefixes and writes nothing. It never iterates over a trie: kernels before 6.13
//! have faults there (CVE-2024-50262). So it can report the requested prefixes and count the others: a trie
//! is exactly as large as its generation ([`buffers`](super::buffers)).

use std::{collections::BTreeMap, io};

use aya::{
    maps::MapError,
    programs::{ProgramError, ProgramInfo, loaded_programs},
};
use d365_common::{entry::Entry, names};
use ipnet::IpNet;
use nix::{
    libc::{ENOENT, EPERM},
    net::if_::if_nameindex,
};

use super::{
    error::error_chain,
    interface::{Interface, InterfaceError},
};

mod generation;

use generation::{Maps, read};

/// The result of an inspection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// The programs on this network namespace's interfaces, sorted by id.
    pub attached: Vec<Held>,
    /// Number of other programs of the same name: on interfaces of other network namespaces, or on none.
    pub elsewhere: usize,
}

/// An attached program and the prefixes that it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The program's id.
    pub program: u32,
    /// The interfaces that it is attached to.
    pub interfaces: Vec<String>,
    /// The requested prefixes that it holds.
    pub entries: Vec<(IpNet, Entry)>,
    /// Number of other prefixes that it holds.
    pub others: usize,
}

/// The prefixes in the kernel cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// A capability is missing.
    #[error("the kernel does not show its BPF programs and maps ({0}): run as root, or with CAP_SYS_ADMIN")]
    Privilege(io::Error),
    /// The interfaces cannot be listed.
    #[error("cannot list the interfaces: {0}")]
    Interfaces(io::Error),
    /// An interface cannot be queried.
    #[error(transparent)]
    Interface(#[from] InterfaceError),
    /// The programs cannot be listed, or one of them cannot be read.
    #[error("cannot read the loaded programs: {}", error_chain(.0))]
    Programs(ProgramError),
    /// A program lacks a map that this release's programs have.
    #[error(
        "program {program} has no map {map}: it is another release's, or another tool's of the same name"
    )]
    Missing {
        /// The program's id.
        program: u32,
        /// The map.
        map: &'static str,
    },
    /// A map cannot be read.
    #[error("cannot read map {map} of program {program}: {}", error_chain(.source))]
    Map {
        /// The program's id.
        program: u32,
        /// The map.
        map: &'static str,
        /// The kernel's error.
        source: MapError,
    },
    /// The daemon publishes new generations faster than one can be read.
    #[error("the generation of program {program} is replaced again and again; try once more")]
    Unsettled {
        /// The program's id.
        program: u32,
    },
}

impl From<ProgramError> for InspectError {
    fn from(error: ProgramError) -> Self {
        match error {
            ProgramError::SyscallError(error) if error.io_error.raw_os_error() == Some(EPERM) => {
                Self::Privilege(error.io_error)
            }
            error => Self::Programs(error),
        }
    }
}

/// Looks up each of `prefixes` in every attached program. The prefixes have no host bits.
///
/// # Errors
/// [`InspectError`]. The result is never partial.
pub fn inspect(prefixes: &[IpNet]) -> Result<Inspection, InspectError> {
    let bearing = bearing()?;
    let mut inspection = Inspection::default();
    for program in loaded_programs() {
        let program = match program {
            // The program was unloaded while the list was read.
            Err(ProgramError::SyscallError(error)) if error.io_error.raw_os_error() == Some(ENOENT) => {
                continue;
            }
            program => program?,
        };
        if !program.name_as_str().is_some_and(counts) {
            continue;
        }
        match bearing.get(&program.id()) {
            Some(interfaces) => inspection.attached.push(held(&program, interfaces.clone(), prefixes)?),
            None => inspection.elsewhere += 1,
        }
    }
    inspection.attached.sort_by_key(|held| held.program);
    Ok(inspection)
}

/// Returns true if a program of this name is the XDP program of a d365-user.
pub(super) fn counts(name: &str) -> bool {
    names::PROGRAMS.contains(&name)
}

/// The XDP programs of this network namespace, each with the interfaces that it is attached to.
pub(super) fn bearing() -> Result<BTreeMap<u32, Vec<String>>, InspectError> {
    let mut bearing = BTreeMap::<u32, Vec<String>>::new();
    let interfaces = if_nameindex().map_err(|errno| InspectError::Interfaces(errno.into()))?;
    for interface in &interfaces {
        let name = interface.name().to_string_lossy().into_owned();
        let interface = Interface { name, index: interface.index() };
        match interface.xdp() {
            Ok(Some(xdp)) => bearing.entry(xdp.program).or_default().push(interface.name),
            Ok(None) | Err(InterfaceError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(bearing)
}

fn held(program: &ProgramInfo, interfaces: Vec<String>, prefixes: &[IpNet]) -> Result<Held, InspectError> {
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
    Ok(Held { program: id, interfaces, entries, others })
}

fn failed(program: u32, map: &'static str) -> impl Fn(MapError) -> InspectError {
    move |source| match source {
        MapError::SyscallError(error) if error.io_error.raw_os_error() == Some(EPERM) => {
            InspectError::Privilege(error.io_error)
        }
        source => InspectError::Map { program, map, source },
    }
}
