//! The kernel's BPF interface, as much of it as the benchmark needs: programs of plain instructions, their maps, and
//! `BPF_PROG_TEST_RUN` of any program, ours and others', in the same way.
//!
//! It knows nothing of what is measured. Structures are the beginnings of `union bpf_attr`, include/uapi/linux/bpf.h.

pub(crate) mod code;
mod map;
mod run;

use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};

use anyhow::{Context as _, Result};
use nix::{errno::Errno, libc};

use self::code::Code;
pub(crate) use self::map::{Map, locked_bytes};

const BPF_PROG_LOAD: u32 = 5;
const BPF_PROG_GET_FD_BY_ID: u32 = 13;
const BPF_LINK_CREATE: u32 = 28;
const BPF_PROG_TYPE_XDP: u32 = 6;
/// `BPF_XDP`, an attach type.
const BPF_XDP: u32 = 37;
const BPF_F_XDP_HAS_FRAGS: u32 = 1 << 5;
const XDP_FLAGS_DRV_MODE: u32 = 1 << 2;
const LOG_BYTES: usize = 1 << 16;

/// A loaded program; gone with the last descriptor of it.
pub(crate) struct Program(OwnedFd);

/// A program on an interface; dropping it takes it off.
pub(crate) struct Link {
    _held: OwnedFd,
}

#[repr(C)]
#[derive(Default)]
struct Load {
    kind: u32,
    count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
    ifindex: u32,
    attach_type: u32,
}

#[repr(C)]
#[derive(Default)]
struct LinkCreate {
    program: u32,
    ifindex: u32,
    attach_type: u32,
    flags: u32,
}

#[repr(C)]
#[derive(Default)]
struct Id {
    id: u32,
    next: u32,
    flags: u32,
}

impl Program {
    /// Loads an XDP program, for frames in several buffers if `frags` says so.
    pub(crate) fn load(code: &Code, frags: bool) -> Result<Self> {
        let instructions = code.instructions();
        let mut log = vec![0_u8; LOG_BYTES];
        let mut load = Load {
            kind: BPF_PROG_TYPE_XDP,
            count: u32::try_from(instructions.len())?,
            instructions: instructions.as_ptr() as u64,
            license: c"GPL".as_ptr() as u64,
            log_level: 1,
            log_size: u32::try_from(log.len())?,
            log: log.as_mut_ptr() as u64,
            flags: if frags { BPF_F_XDP_HAS_FRAGS } else { 0 },
            attach_type: BPF_XDP,
            ..Load::default()
        };
        let name = code.name().as_bytes();
        load.name[..name.len().min(15)].copy_from_slice(&name[..name.len().min(15)]);
        // SAFETY: the structure and all that it points to live until the call returns.
        let loaded = unsafe { bpf_fd(BPF_PROG_LOAD, &mut load) };
        let said = || {
            let end = log.iter().position(|byte| *byte == 0).unwrap_or(log.len());
            format!("cannot load {}: {}", code.name(), String::from_utf8_lossy(&log[..end]))
        };
        loaded.with_context(said).map(Self)
    }

    /// A program that somebody else has loaded.
    pub(crate) fn by_id(id: u32) -> Result<Self> {
        let mut request = Id { id, ..Id::default() };
        // SAFETY: the structure holds no pointer.
        let fd = unsafe { bpf_fd(BPF_PROG_GET_FD_BY_ID, &mut request) };
        fd.map(Self).with_context(|| format!("cannot open program {id}"))
    }

    /// Attaches it in native mode to an interface of this thread's network namespace.
    pub(crate) fn attach(&self, ifindex: u32) -> Result<Link> {
        let program = self.fd().cast_unsigned();
        let mut create = LinkCreate { program, ifindex, attach_type: BPF_XDP, flags: XDP_FLAGS_DRV_MODE };
        // SAFETY: the structure holds no pointer.
        let fd = unsafe { bpf_fd(BPF_LINK_CREATE, &mut create) };
        Ok(Link { _held: fd.with_context(|| format!("cannot attach to interface {ifindex}"))? })
    }

    pub(crate) fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// The system call.
///
/// # Safety
/// `attributes` is laid out as the command demands, and what it points to is valid for the call.
unsafe fn bpf<T>(command: u32, attributes: &mut T) -> nix::Result<libc::c_long> {
    // SAFETY: by this function's own condition.
    Errno::result(unsafe { libc::syscall(libc::SYS_bpf, command, &raw mut *attributes, size_of::<T>()) })
}

/// The same for commands that return a new descriptor.
///
/// # Safety
/// As [`bpf`].
unsafe fn bpf_fd<T>(command: u32, attributes: &mut T) -> nix::Result<OwnedFd> {
    // SAFETY: by this function's own condition.
    let fd = unsafe { bpf(command, attributes)? };
    let fd = RawFd::try_from(fd).map_err(|_| Errno::EBADF)?;
    // SAFETY: a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
