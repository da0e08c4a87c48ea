//! The part of the kernel's BPF interface that tests and the benchmark need in addition to the daemon's:
//! programs of plain instructions, their maps, and `BPF_PROG_TEST_RUN` of any program in the same way. This
//! module contains no code of the daemon, and needs no compiler.
//!
//! Structures are the beginnings of `union bpf_attr` (`include/uapi/linux/bpf.h`); the kernel takes the
//! missing rest as zero. An object that is not pinned is freed with its value.

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

/// A name in the form that the kernel stores: at most 15 bytes, padded with zero bytes.
fn named(name: &str) -> Result<[u8; 16]> {
    ensure!(name.len() < 16, "the kernel keeps 15 bytes of a name: {name}");
    let mut bytes = [0; 16];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Ok(bytes)
}

/// Calls the system call bpf(2).
///
/// # Safety
/// `attributes` must have the layout that the command demands, without padding. Memory that it points to must
/// be valid for the call.
unsafe fn call<T>(command: u32, attributes: &mut T) -> nix::Result<libc::c_long> {
    // SAFETY: the caller fulfils this function's own condition.
    Errno::result(unsafe { libc::syscall(libc::SYS_bpf, command, &raw mut *attributes, size_of::<T>()) })
}

/// Does the same for commands that return a new descriptor.
///
/// # Safety
/// The same conditions as for [`call`].
unsafe fn descriptor<T>(command: u32, attributes: &mut T) -> nix::Result<OwnedFd> {
    // Before Linux 5.11, programs and maps are charged to this limit. If the limit cannot be raised, the
    // command itself returns an error.
    let _ = setrlimit(Resource::RLIMIT_MEMLOCK, RLIM_INFINITY, RLIM_INFINITY);
    // SAFETY: the caller fulfils this function's own condition.
    let fd = unsafe { call(command, attributes)? };
    let fd = RawFd::try_from(fd).map_err(|_| Errno::EBADF)?;
    // SAFETY: a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
