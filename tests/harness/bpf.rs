//! Somebody else's BPF programs: the smallest that the kernel takes, loaded and attached by bpf(2) alone, without the daemon's
//! code and without a compiler. Whatever is not pinned is gone with its value.

use std::{
    ffi::CString,
    io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
    os::unix::ffi::OsStrExt as _,
    path::Path,
};

use anyhow::{Context as _, Result, ensure};
use nix::{
    errno::Errno,
    libc::{self, c_int},
    net::if_::if_nametoindex,
};

use crate::seccomp::command;

/// Where a program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// XDP. It passes everything.
    Xdp,
    /// tc's ingress. It leaves every packet to the next one.
    Classifier,
    /// The same, and gives every packet this mark.
    Marker(u32),
}

/// A loaded program.
#[derive(Debug)]
pub struct Program {
    kind: Kind,
    descriptor: OwnedFd,
}

/// A program on an interface; off it when this value goes.
#[derive(Debug)]
pub struct Attached {
    _link: OwnedFd,
}

/// An array of `u32`.
#[derive(Debug)]
pub struct Map(OwnedFd);

/// `BPF_MAP_TYPE_ARRAY` (`linux/bpf.h`, as all numbers here).
const ARRAY: u32 = 2;

impl Kind {
    /// Program type, attach type, verdict: `XDP_PASS`, and `TCX_NEXT`, which is `TC_ACT_UNSPEC` too.
    const fn numbers(self) -> (u32, u32, i32) {
        match self {
            Self::Xdp => (6, 37, 2),
            Self::Classifier | Self::Marker(_) => (3, 46, -1),
        }
    }
}

impl Map {
    /// A map of this name with these values.
    pub fn array(name: &str, values: &[u32]) -> Result<Self> {
        #[repr(C)]
        struct Create {
            kind: u32,
            key: u32,
            value: u32,
            entries: u32,
            unused: [u32; 3],
            name: [u8; 16],
        }
        #[repr(C)]
        struct Update {
            map: [u32; 2],
            key: u64,
            value: u64,
            flags: u64,
        }
        let entries = u32::try_from(values.len())?;
        let create = Create { kind: ARRAY, key: 4, value: 4, entries, unused: [0; 3], name: named(name)? };
        let map = descriptor(command::MAP_CREATE, &create).context("cannot make a map")?;
        for (key, value) in (0_u32..).zip(values) {
            let (key, value) = (address(&raw const key), address(value));
            let update = Update { map: number(&map), key, value, flags: 0 };
            bpf(command::MAP_UPDATE_ELEM, &update).context("cannot set a map's value")?;
        }
        Ok(Self(map))
    }
}

impl Program {
    /// Loads a program of this name that holds `map`.
    pub fn load(kind: Kind, name: &str, map: Option<&Map>) -> Result<Self> {
        #[repr(C)]
        struct Load {
            kind: u32,
            count: u32,
            instructions: u64,
            license: u64,
            log: [u64; 2],
            unused: [u32; 2],
            name: [u8; 16],
        }
        let (number, _, verdict) = kind.numbers();
        let mut instructions = Vec::new();
        if let Some(Map(map)) = map {
            // r1 = the map: BPF_LD | BPF_IMM | BPF_DW with BPF_PSEUDO_MAP_FD takes two places.
            instructions.extend([instruction(0x18, 0x11, map.as_raw_fd()), [0; 8]]);
        }
        if let Kind::Marker(mark) = kind {
            // w2 = mark; skb->mark = w2, eight bytes into `struct __sk_buff`.
            let mut store = instruction(0x63, 0x21, 0);
            store[2] = 8;
            instructions.extend([instruction(0xb4, 0x02, mark.cast_signed()), store]);
        }
        // r0 = verdict; exit.
        instructions.extend([instruction(0xb7, 0, verdict), instruction(0x95, 0, 0)]);
        let load = Load {
            kind: number,
            count: u32::try_from(instructions.len())?,
            instructions: address(instructions.as_ptr()),
            license: address(c"GPL".as_ptr()),
            log: [0; 2],
            unused: [0; 2],
            name: named(name)?,
        };
        let descriptor = descriptor(command::PROG_LOAD, &load).context("cannot load a program")?;
        Ok(Self { kind, descriptor })
    }

    /// Attaches it by a BPF link to an interface of the calling thread's network namespace: as XDP, or by tcx at ingress
    /// (Linux 6.6).
    pub fn attach(&self, interface: &str) -> Result<Attached> {
        #[repr(C)]
        struct Create {
            program: u32,
            interface: u32,
            attach: u32,
            flags: u32,
            unused: [u64; 2],
        }
        let (_, attach, _) = self.kind.numbers();
        let program = u32::try_from(self.descriptor.as_raw_fd())?;
        let create =
            Create { program, interface: if_nametoindex(interface)?, attach, flags: 0, unused: [0; 2] };
        let link = descriptor(command::LINK_CREATE, &create);
        Ok(Attached { _link: link.with_context(|| format!("cannot attach to {interface}"))? })
    }

    /// Its id in the kernel.
    pub fn id(&self) -> Result<u32> {
        let path = format!("/proc/self/fdinfo/{}", self.descriptor.as_raw_fd());
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        let id = text.lines().find_map(|line| line.strip_prefix("prog_id:")?.trim().parse().ok());
        id.with_context(|| format!("no program's id in {text:?}"))
    }

    /// Pins it on a bpffs of the calling thread's view.
    pub fn pin(&self, path: &Path) -> Result<()> {
        #[repr(C)]
        struct Pin {
            path: u64,
            descriptor: [u32; 2],
        }
        let path = CString::new(path.as_os_str().as_bytes())?;
        let pin = Pin { path: address(path.as_ptr()), descriptor: number(&self.descriptor) };
        bpf(command::OBJ_PIN, &pin).context("cannot pin a program")?;
        Ok(())
    }
}

/// `struct bpf_insn`: opcode, both registers, no offset, immediate.
fn instruction(opcode: u8, registers: u8, immediate: i32) -> [u8; 8] {
    let [a, b, c, d] = immediate.to_ne_bytes();
    [opcode, registers, 0, 0, a, b, c, d]
}

/// A name as the kernel keeps it.
fn named(name: &str) -> Result<[u8; 16]> {
    ensure!(name.len() < 16, "the kernel keeps 15 bytes of a name: {name}");
    let mut bytes = [0; 16];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Ok(bytes)
}

fn address<T>(of: *const T) -> u64 {
    of.addr() as u64
}

/// A descriptor in a field of 32 bits, and the 32 behind it.
fn number(descriptor: &OwnedFd) -> [u32; 2] {
    [descriptor.as_raw_fd().cast_unsigned(), 0]
}

fn descriptor<T>(command: u32, attributes: &T) -> io::Result<OwnedFd> {
    let descriptor = bpf(command, attributes)?;
    // SAFETY: the kernel has just made it, for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Calls bpf(2). `attributes` are the command's own, as far as they are used: what is behind them counts as zero.
fn bpf<T>(command: u32, attributes: &T) -> io::Result<c_int> {
    let size = size_of::<T>();
    // SAFETY: `attributes` is live for `size` bytes, has no padding, and the addresses in it are of what lives until here.
    let done = unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_ref(attributes), size) };
    Errno::result(done)?;
    c_int::try_from(done).map_err(io::Error::other)
}
