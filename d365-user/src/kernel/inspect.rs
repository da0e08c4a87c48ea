//! What the programs of any d365-user on this network namespace's interfaces recognise by: reads the published generation of
//! each, without asking the daemon.
//!
//! It only looks up, and writes nothing. It never iterates a trie: kernels before 6.13 have faults there (CVE-2024-50262).
//! So it can answer for prefixes that are asked for, and count the others: a trie is made as large as its generation
//! ([`maps`](super::maps)) and has no room for an entry more.

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
    chain,
    interface::{Interface, InterfaceError},
};

mod generation;

use generation::{Maps, read};

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// The programs on this network namespace's interfaces, by id.
    pub attached: Vec<Held>,
    /// How many more of the name there are: on interfaces of other network namespaces, or on none.
    pub elsewhere: usize,
}

/// What one program recognises by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The program's id.
    pub program: u32,
    /// The interfaces that bear it.
    pub interfaces: Vec<String>,
    /// The prefixes that were asked for and are held.
    pub entries: Vec<(IpNet, Entry)>,
    /// How many others it holds.
    pub others: usize,
}

/// Why it cannot be said what the kernel holds.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// A capability is missing.
    #[error("the kernel does not show its BPF programs and maps ({0}): run as root, or with CAP_SYS_ADMIN")]
    Privilege(io::Error),
    /// The interfaces cannot be listed.
    #[error("cannot list the interfaces: {0}")]
    Interfaces(io::Error),
    /// An interface cannot be asked.
    #[error(transparent)]
    Interface(#[from] InterfaceError),
    /// The programs cannot be listed, or one of them not be read.
    #[error("cannot read the loaded programs: {}", chain(.0))]
    Programs(ProgramError),
    /// A program has another set of maps than this release's.
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
    #[error("cannot read map {map} of program {program}: {}", chain(.source))]
    Map {
        /// The program's id.
        program: u32,
        /// The map.
        map: &'static str,
        /// What the kernel said.
        source: MapError,
    },
    /// New generations are published faster than one can be read.
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

/// Asks every attached program for each of `prefixes`, which have no host bits.
///
/// # Errors
/// [`InspectError`]; an answer is never a part of what was asked for.
pub fn inspect(prefixes: &[IpNet]) -> Result<Inspection, InspectError> {
    let bearing = bearing()?;
    let mut inspection = Inspection::default();
    for program in loaded_programs() {
        let program = match program {
            // Unloaded while the list was read.
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

/// Whether a program of this name is the XDP program of a d365-user.
pub(super) fn counts(name: &str) -> bool {
    names::PROGRAMS.contains(&name)
}

/// The XDP programs of this network namespace, each with the interfaces that bear it.
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
