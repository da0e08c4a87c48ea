//! The programs that the kernel holds, by id. Listing them requires `CAP_SYS_ADMIN`.

use std::{collections::BTreeMap, path::Path};

use aya::programs::{ProgramError, ProgramInfo, loaded_programs};
use nix::libc::ENOENT;

use super::{
    fact::{Fact, Unknown},
    holders::{Holders, Search},
};
use crate::kernel::role::{is_own, is_own_counter};

/// A BPF program on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Its id; `None` for a classic BPF filter, which has none.
    pub id: Option<u32>,
    /// Its name, at most 15 bytes; empty if it has none.
    pub name: Fact<String>,
    /// The processes that hold it; `None` if it has no id to search for.
    pub holders: Option<Holders>,
}

impl Program {
    /// Returns true if it is a d365-user's program, by its name; false if the name is not known.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.name.as_ref().is_ok_and(|name| is_own(name))
    }

    /// Returns true if it is a d365-user's program that counts packets.
    #[must_use]
    pub fn is_our_counter(&self) -> bool {
        self.name.as_ref().is_ok_and(|name| is_own_counter(name))
    }
}

/// All loaded programs and their holders, read once.
pub(super) struct Loaded {
    names: Fact<BTreeMap<u32, String>>,
    holders: Search,
}

impl Loaded {
    pub(super) fn read() -> Self {
        let programs = loaded_programs().filter(|program| !has_gone(program));
        let name = |program: Result<ProgramInfo, ProgramError>| {
            let program = program?;
            Ok((program.id(), String::from_utf8_lossy(program.name()).into_owned()))
        };
        let names = programs.map(name).collect::<Result<_, ProgramError>>().map_err(Unknown::from);
        Self { names, holders: Search::below(Path::new("/proc")) }
    }

    pub(super) fn program(&self, id: u32) -> Program {
        let name = self.names.clone().and_then(|mut names| {
            names.remove(&id).ok_or_else(|| {
                Unknown::Failed("it was loaded or unloaded while the programs were listed".to_owned())
            })
        });
        self.named(id, name)
    }

    /// The program of this id, whose name is read elsewhere.
    pub(super) fn named(&self, id: u32, name: Fact<String>) -> Program {
        Program { id: Some(id), name, holders: Some(self.holders.holders(id)) }
    }
}

/// Returns true if a loaded program is compiled; false if this process may not see any.
pub(super) fn is_any_compiled() -> bool {
    loaded_programs().flatten().any(|program| program.size_jitted() > 0)
}

/// Returns true if the program was unloaded while the list was read.
fn has_gone(program: &Result<ProgramInfo, ProgramError>) -> bool {
    matches!(program, Err(ProgramError::SyscallError(error)) if error.io_error.raw_os_error() == Some(ENOENT))
}
