//! Programs of plain instructions: they are loaded, attached, pinned, or opened by their ids.

use std::{
    ffi::CString,
    os::fd::{AsRawFd as _, OwnedFd, RawFd},
    os::unix::ffi::OsStrExt as _,
    path::Path,
};

use anyhow::{Context as _, Result};
use nix::net::if_::if_nametoindex;

use super::{
    Map, call,
    code::{self, Code},
    command, descriptor, named,
};

const BPF_F_XDP_HAS_FRAGS: u32 = 1 << 5;
const LOG_BYTES: usize = 1 << 16;

/// The hook that a program runs at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// XDP.
    Xdp,
    /// tc ingress.
    Classifier,
}

/// A loaded program. The kernel frees it with its last descriptor.
#[derive(Debug)]
pub struct Program {
    kind: Kind,
    descriptor: OwnedFd,
}

/// A program attached to an interface. Dropping this value detaches it.
#[derive(Debug)]
pub struct Link {
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

#[repr(C)]
#[derive(Default)]
struct Pin {
    path: u64,
    descriptor: u32,
    flags: u32,
}

impl Kind {
    /// Program type and attach type.
    const fn numbers(self) -> (u32, u32) {
        match self {
            Self::Xdp => (6, 37),
            Self::Classifier => (3, 46),
        }
    }

    /// The verdict that leaves a packet to the next program: `XDP_PASS`, or `TC_ACT_UNSPEC`, which is also
    /// `TCX_NEXT`.
    pub(super) const fn passing(self) -> u32 {
        match self {
            Self::Xdp => code::XDP_PASS,
            Self::Classifier => u32::MAX,
        }
    }
}

impl Program {
    /// Loads a program. With `frags`, an XDP program accepts frames in several buffers.
    pub fn load(code: &Code, frags: bool) -> Result<Self> {
        let instructions = code.instructions();
        let (kind, attach_type) = code.kind().numbers();
        let mut log = vec![0_u8; LOG_BYTES];
        let mut load = Load {
            kind,
            count: u32::try_from(instructions.len())?,
            instructions: instructions.as_ptr() as u64,
            license: c"GPL".as_ptr() as u64,
            log_level: 1,
            log_size: u32::try_from(log.len())?,
            log: log.as_mut_ptr() as u64,
            flags: if frags { BPF_F_XDP_HAS_FRAGS } else { 0 },
            name: named(code.name())?,
            // A classifier gets its attach type when it is attached.
            attach_type: if code.kind() == Kind::Xdp { attach_type } else { 0 },
            ..Load::default()
        };
        // SAFETY: the structure and all that it points to live until the call returns.
        let loaded = unsafe { descriptor(command::PROG_LOAD, &mut load) };
        let said = || {
            let end = log.iter().position(|byte| *byte == 0).unwrap_or(log.len());
            format!("cannot load {}: {}", code.name(), String::from_utf8_lossy(&log[..end]))
        };
        Ok(Self { kind: code.kind(), descriptor: loaded.with_context(said)? })
    }

    /// Loads the smallest program of this kind and name. It leaves every packet to the next program, and
    /// holds `map`.
    pub fn passing(kind: Kind, name: &str, map: Option<&Map>) -> Result<Self> {
        let code = Code::of(kind, name);
        let code = match map {
            Some(map) => code.map(1, map),
            None => code,
        };
        Self::load(&code.end(kind.passing()), false)
    }

    /// Loads a classifier that sets this mark on every packet, and leaves the packet to the next program.
    pub fn marking(name: &str, mark: u32) -> Result<Self> {
        /// Offset of `mark` in `struct __sk_buff`.
        const MARK: i16 = 8;
        let code = Code::of(Kind::Classifier, name).set(2, mark).write(code::Width::Four, 1, MARK, 2);
        Self::load(&code.end(Kind::Classifier.passing()), false)
    }

    /// Opens an XDP program that another process has loaded.
    pub fn by_id(id: u32) -> Result<Self> {
        let mut request = Id { id, ..Id::default() };
        // SAFETY: the structure holds no pointer.
        let opened = unsafe { descriptor(command::PROG_GET_FD_BY_ID, &mut request) };
        Ok(Self { kind: Kind::Xdp, descriptor: opened.with_context(|| format!("cannot open program {id}"))? })
    }

    /// Attaches the program by a BPF link to an interface of the calling thread's network namespace: as XDP,
    /// in native mode if the driver supports it, or by tcx at ingress (Linux 6.6).
    pub fn attach(&self, interface: &str) -> Result<Link> {
        let (_, attach_type) = self.kind.numbers();
        let (program, ifindex) = (self.fd().cast_unsigned(), if_nametoindex(interface)?);
        let mut create = LinkCreate { program, ifindex, attach_type, flags: 0 };
        // SAFETY: the structure holds no pointer.
        let link = unsafe { descriptor(command::LINK_CREATE, &mut create) };
        Ok(Link { _held: link.with_context(|| format!("cannot attach to {interface}"))? })
    }

    /// Returns the program's id in the kernel.
    pub fn id(&self) -> Result<u32> {
        let path = format!("/proc/self/fdinfo/{}", self.fd());
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        let id = text.lines().find_map(|line| line.strip_prefix("prog_id:")?.trim().parse().ok());
        id.with_context(|| format!("no program's id in {text:?}"))
    }

    /// Pins the program on a bpffs of the calling thread's mount namespace.
    pub fn pin(&self, path: &Path) -> Result<()> {
        let path = CString::new(path.as_os_str().as_bytes())?;
        let mut pin =
            Pin { path: path.as_ptr() as u64, descriptor: self.fd().cast_unsigned(), ..Pin::default() };
        // SAFETY: the path lives until the call returns.
        unsafe { call(command::OBJ_PIN, &mut pin) }.context("cannot pin a program")?;
        Ok(())
    }

    pub(super) fn fd(&self) -> RawFd {
        self.descriptor.as_raw_fd()
    }
}
