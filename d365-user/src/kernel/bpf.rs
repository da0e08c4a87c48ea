//! The bpf(2) calls for links and pins: aya makes no link from a descriptor, and does not hand its own
//! descriptors out.
//!
//! Layouts and numbers are those of `linux/bpf.h`, from aya's bindings. This module decides nothing.

use std::{
    ffi::CString,
    io,
    os::{
        fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd},
        unix::ffi::OsStrExt as _,
    },
    path::Path,
    ptr,
};

use aya_obj::generated::{bpf_attach_type, bpf_attr, bpf_cmd, bpf_link_info, bpf_link_type};
use nix::libc::{SYS_bpf, c_long, syscall};

use crate::{settings::TcOrder, snapshot::XdpMode};

/// `XDP_FLAGS_SKB_MODE` and `XDP_FLAGS_DRV_MODE`, `linux/if_link.h`.
const SKB_MODE: u32 = 1 << 1;
const DRV_MODE: u32 = 1 << 2;
/// `BPF_F_BEFORE` and `BPF_F_AFTER`, `linux/bpf.h`. Without another program named they mean the first and the
/// last place.
const BEFORE: u32 = 1 << 3;
const AFTER: u32 = 1 << 4;

/// Number of tcx programs that an interface can have (`BPF_MPROG_MAX`, `linux/bpf_mprog.h`).
const MOST_TCX_PROGRAMS: usize = 64;

/// The kernel's description of an XDP or tcx link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LinkInfo {
    /// True for a tcx link, false for an XDP link.
    pub(super) is_tcx: bool,
    /// Id of the program.
    pub(super) program: u32,
    /// Index of the interface; 0 if the link is detached.
    pub(super) ifindex: u32,
}

/// Attaches an XDP program. It stays attached while a descriptor or a pin of the link exists.
pub(super) fn create_xdp_link(program: BorrowedFd<'_>, ifindex: u32, mode: XdpMode) -> io::Result<OwnedFd> {
    let flags = match mode {
        XdpMode::Native => DRV_MODE,
        XdpMode::Generic => SKB_MODE,
    };
    create_link(program, ifindex, bpf_attach_type::BPF_XDP, flags)
}

/// Attaches a tc program at an interface's ingress, before or after the other tcx programs.
pub(super) fn create_tcx_link(program: BorrowedFd<'_>, ifindex: u32, order: TcOrder) -> io::Result<OwnedFd> {
    let flags = match order {
        TcOrder::First => BEFORE,
        TcOrder::Last => AFTER,
    };
    create_link(program, ifindex, bpf_attach_type::BPF_TCX_INGRESS, flags)
}

fn create_link(
    program: BorrowedFd<'_>,
    ifindex: u32,
    attach_type: bpf_attach_type,
    flags: u32,
) -> io::Result<OwnedFd> {
    let mut attr = no_attributes();
    attr.link_create.__bindgen_anon_1.prog_fd = number(program);
    attr.link_create.__bindgen_anon_2.target_ifindex = ifindex;
    attr.link_create.attach_type = attach_type as u32;
    attr.link_create.flags = flags;
    descriptor(bpf_cmd::BPF_LINK_CREATE, &mut attr)
}

/// Replaces the program of a link. Each packet is seen by the old program or by the new one.
pub(super) fn update_link(link: BorrowedFd<'_>, program: BorrowedFd<'_>) -> io::Result<()> {
    let mut attr = no_attributes();
    attr.link_update.link_fd = number(link);
    attr.link_update.__bindgen_anon_1.new_prog_fd = number(program);
    bpf(bpf_cmd::BPF_LINK_UPDATE, &mut attr).map(drop)
}

/// Detaches a link's program at once, also if others hold the link (`BPF_LINK_DETACH`, Linux 5.9).
pub(super) fn detach_link(link: BorrowedFd<'_>) -> io::Result<()> {
    let mut attr = no_attributes();
    attr.link_detach.link_fd = number(link);
    bpf(bpf_cmd::BPF_LINK_DETACH, &mut attr).map(drop)
}

/// Describes a link. `None` if it is neither an XDP link nor a tcx link.
pub(super) fn link_info(link: BorrowedFd<'_>) -> io::Result<Option<LinkInfo>> {
    // SAFETY: the type is plain data, for which zeros are a value.
    let mut info: bpf_link_info = unsafe { std::mem::zeroed() };
    let mut attr = no_attributes();
    attr.info.bpf_fd = number(link);
    attr.info.info_len = u32::try_from(size_of_val(&info)).unwrap_or_default();
    attr.info.info = ptr::from_mut(&mut info).addr() as u64;
    bpf(bpf_cmd::BPF_OBJ_GET_INFO_BY_FD, &mut attr)?;
    // SAFETY: the kernel fills the fields of the link's type; before it, all fields were zero.
    let (xdp, tcx) = unsafe { (info.__bindgen_anon_1.xdp, info.__bindgen_anon_1.tcx) };
    let link = |is_tcx, ifindex| LinkInfo { is_tcx, program: info.prog_id, ifindex };
    Ok(if info.type_ == bpf_link_type::BPF_LINK_TYPE_XDP as u32 {
        Some(link(false, xdp.ifindex))
    } else if info.type_ == bpf_link_type::BPF_LINK_TYPE_TCX as u32 {
        Some(link(true, tcx.ifindex))
    } else {
        None
    })
}

/// The ids of the tcx programs at an interface's ingress, in order (`BPF_PROG_QUERY`).
pub(super) fn tcx_programs(ifindex: u32) -> io::Result<Vec<u32>> {
    let mut ids = vec![0_u32; MOST_TCX_PROGRAMS];
    let mut attr = no_attributes();
    attr.query.__bindgen_anon_1.target_ifindex = ifindex;
    attr.query.attach_type = bpf_attach_type::BPF_TCX_INGRESS as u32;
    attr.query.__bindgen_anon_2.prog_cnt = u32::try_from(ids.len()).unwrap_or_default();
    attr.query.prog_ids = ids.as_mut_ptr().addr() as u64;
    bpf(bpf_cmd::BPF_PROG_QUERY, &mut attr)?;
    // SAFETY: the kernel has written the number of programs.
    ids.truncate(unsafe { attr.query.__bindgen_anon_2.prog_cnt } as usize);
    Ok(ids)
}

/// Pins a map, program or link at a path in a bpffs.
pub(super) fn pin(object: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let mut attr = no_attributes();
    attr.__bindgen_anon_4.pathname = path.as_ptr().addr() as u64;
    attr.__bindgen_anon_4.bpf_fd = number(object);
    bpf(bpf_cmd::BPF_OBJ_PIN, &mut attr).map(drop)
}

/// Opens what is pinned at a path in a bpffs.
pub(super) fn open_pin(path: &Path) -> io::Result<OwnedFd> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let mut attr = no_attributes();
    attr.__bindgen_anon_4.pathname = path.as_ptr().addr() as u64;
    descriptor(bpf_cmd::BPF_OBJ_GET, &mut attr)
}

fn no_attributes() -> bpf_attr {
    // SAFETY: the union is plain data, for which zeros are a value: the kernel takes zero for "not given".
    unsafe { std::mem::zeroed() }
}

/// The number of an open descriptor, which is never negative.
fn number(descriptor: BorrowedFd<'_>) -> u32 {
    descriptor.as_raw_fd().cast_unsigned()
}

/// Runs a command that returns a new descriptor. The kernel sets close-on-exec on it.
fn descriptor(command: bpf_cmd, attr: &mut bpf_attr) -> io::Result<OwnedFd> {
    let fd = bpf(command, attr)?;
    let fd = RawFd::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: the kernel has just opened this descriptor for the caller.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn bpf(command: bpf_cmd, attr: &mut bpf_attr) -> io::Result<c_long> {
    // SAFETY: the attributes are valid for the command, and every pointer in them is valid during the call.
    let result = unsafe { syscall(SYS_bpf, command as u32, ptr::from_mut(attr), size_of::<bpf_attr>()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
