//! The kernel's BPF interface, as much of it as tests and the benchmark need beside the daemon's: programs of plain
//! instructions, their maps, and `BPF_PROG_TEST_RUN` of any program in the same way. Nothing of the daemon's code is in it, and no
//! compiler is needed.
//!
//! Structures are the beginnings of `union bpf_attr`, include/uapi/linux/bpf.h; what is behind them counts as zero. What is not
//! pinned is gone with its value.

pub mod code;
mod map;
mod program;
mod run;

use std::os::fd::{FromRawFd as _, OwnedFd, RawFd};

use anyhow::{Result, ensure};
use nix::{
    errno::Errno,
    libc::{self, RLIM_INFINITY},
    sys::resource::{Resource, setrlimit},
};

pub use self::{
    map::Map,
    program::{Kind, Link, Program},
};
use crate::seccomp::command;

/// A name as the kernel keeps it.
fn named(name: &str) -> Result<[u8; 16]> {
    ensure!(name.len() < 16, "the kernel keeps 15 bytes of a name: {name}");
    let mut bytes = [0; 16];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Ok(bytes)
}

/// The system call bpf(2).
///
/// # Safety
/// `attributes` is laid out as the command demands, without padding, and what it points to is valid for the call.
unsafe fn call<T>(command: u32, attributes: &mut T) -> nix::Result<libc::c_long> {
    // SAFETY: by this function's own condition.
    Errno::result(unsafe { libc::syscall(libc::SYS_bpf, command, &raw mut *attributes, size_of::<T>()) })
}

/// The same for commands that return a new descriptor.
///
/// # Safety
/// As [`call`].
unsafe fn descriptor<T>(command: u32, attributes: &mut T) -> nix::Result<OwnedFd> {
    // Before Linux 5.11 programs and maps are charged to this limit. Where it may not be raised, the command fails and says so.
    let _ = setrlimit(Resource::RLIMIT_MEMLOCK, RLIM_INFINITY, RLIM_INFINITY);
    // SAFETY: by this function's own condition.
    let fd = unsafe { call(command, attributes)? };
    let fd = RawFd::try_from(fd).map_err(|_| Errno::EBADF)?;
    // SAFETY: a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
