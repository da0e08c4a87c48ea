//! A kernel that lacks a feature, or fails while a program runs: chosen `bpf` calls of a child fail, and all
//! others pass.

use nix::errno::Errno;

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
    /// `BPF_LINK_CREATE`
    pub const LINK_CREATE: u32 = 28;
}

/// `bpf` calls that fail from the child's start.
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
}
