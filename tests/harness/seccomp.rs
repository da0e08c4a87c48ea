//! A kernel that lacks a feature: a seccomp filter makes chosen commands of the `bpf` system call fail in a
//! child, and lets everything else pass. [`BpfFault`] fails all of them from the child's start. [`Faults`]
//! fails some while the child runs.

use std::{collections::BTreeMap, io, os::unix::process::CommandExt as _, process::Command};

use anyhow::Result;
use nix::{errno::Errno, libc};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter,
};

mod faults;
mod listener;

pub use faults::Faults;

/// The command of every call in a plan of threads ([`Faults::of_threads`]).
pub const THREAD: u32 = 0;

/// Numbers of the `bpf` system call's commands (`enum bpf_cmd`, `linux/bpf.h`).
pub mod command {
    /// `BPF_MAP_CREATE`
    pub const MAP_CREATE: u32 = 0;
    /// `BPF_MAP_LOOKUP_ELEM`
    pub const MAP_LOOKUP_ELEM: u32 = 1;
    /// `BPF_MAP_UPDATE_ELEM`
    pub const MAP_UPDATE_ELEM: u32 = 2;
    /// `BPF_PROG_LOAD`
    pub const PROG_LOAD: u32 = 5;
    /// `BPF_OBJ_PIN`
    pub const OBJ_PIN: u32 = 6;
    /// `BPF_PROG_TEST_RUN`
    pub const PROG_TEST_RUN: u32 = 10;
    /// `BPF_PROG_GET_FD_BY_ID`
    pub const PROG_GET_FD_BY_ID: u32 = 13;
    /// `BPF_BTF_LOAD`
    pub const BTF_LOAD: u32 = 18;
    /// `BPF_LINK_CREATE`
    pub const LINK_CREATE: u32 = 28;
}

/// A failing `bpf` call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BpfFault {
    /// The command that fails (see [`command`]); `None` for all commands.
    pub command: Option<u32>,
    /// The error that the caller gets.
    pub errno: Errno,
}

impl BpfFault {
    /// Fails one command.
    pub fn of(command: u32, errno: Errno) -> Self {
        Self { command: Some(command), errno }
    }

    /// Simulates a kernel without the system call.
    pub fn no_bpf() -> Self {
        Self { command: None, errno: Errno::ENOSYS }
    }

    fn filter(self) -> Result<BpfProgram> {
        let rules = match self.command {
            // An empty list of rules matches every call of that number.
            None => Vec::new(),
            Some(number) => {
                let (length, equal) = (SeccompCmpArgLen::Dword, SeccompCmpOp::Eq);
                let condition = SeccompCondition::new(0, length, equal, u64::from(number))?;
                vec![SeccompRule::new(vec![condition])?]
            }
        };
        let errno = SeccompAction::Errno(u32::try_from(self.errno as i32)?);
        let rules = BTreeMap::from([(libc::SYS_bpf, rules)]);
        let filter =
            SeccompFilter::new(rules, SeccompAction::Allow, errno, std::env::consts::ARCH.try_into()?)?;
        Ok(filter.try_into()?)
    }

    /// Makes the call fail in a program that is not yet started, and in its children.
    pub fn inflict_on(self, command: &mut Command) -> Result<()> {
        let filter = self.filter()?;
        let install = move || apply_filter(&filter).map_err(|_| io::Error::last_os_error());
        // SAFETY: the closure makes two system calls on a filter made before; it neither allocates nor locks.
        unsafe {
            command.pre_exec(install);
        }
        Ok(())
    }
}
