//! Programs of a few plain instructions: other people's programs on an interface, and those of the benchmark.
//! `privileged` and `bench` include this file. The harness has no aya, because xtask is built with it.
//!
//! aya runs, attaches and pins these programs. It loads object files only, so this file has the one system
//! call for plain instructions. No compiler is needed.

use std::{
    borrow::Cow,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd},
};

use anyhow::{Context as _, Result, ensure};
use aya::programs::{ProgramInfo, SchedClassifier, Xdp, loaded_programs};
use aya_obj::{
    generated::{BPF_F_XDP_HAS_FRAGS, bpf_attach_type, bpf_attr, bpf_cmd, bpf_prog_type},
    programs::XdpAttachType,
};
use nix::{
    errno::Errno,
    libc,
    sys::resource::{Resource, setrlimit},
};

/// `XDP_PASS`, `include/uapi/linux/bpf.h`.
pub(crate) const XDP_PASS: u32 = 2;
/// `TC_ACT_UNSPEC`, which is also `TCX_NEXT`: the packet goes to the next program.
pub(crate) const TC_NEXT: u32 = u32::MAX;

/// The instruction with this operation, registers, offset and number (`Documentation/bpf/standardization`).
pub(crate) const fn instruction(operation: u8, to: u8, from: u8, offset: i16, number: u32) -> u64 {
    operation as u64
        | (to as u64) << 8
        | (from as u64) << 12
        | (offset.cast_unsigned() as u64) << 16
        | (number as u64) << 32
}

/// The instructions that end a program with this result.
pub(crate) const fn result(number: u32) -> [u64; 2] {
    [instruction(0xb7, 0, 0, 0, number), instruction(0x95, 0, 0, 0, 0)]
}

/// Loads an XDP program. With `frags`, it accepts frames in several buffers.
pub(crate) fn xdp(name: &str, instructions: &[u64], frags: bool) -> Result<Xdp> {
    let program = load(bpf_prog_type::BPF_PROG_TYPE_XDP, name, instructions, frags)?;
    xdp_by_id(id(&program)?)
}

/// Loads a tc program.
pub(crate) fn classifier(name: &str, instructions: &[u64]) -> Result<SchedClassifier> {
    let program = load(bpf_prog_type::BPF_PROG_TYPE_SCHED_CLS, name, instructions, false)?;
    classifier_by_id(id(&program)?)
}

/// Opens an XDP program that somebody else has loaded.
pub(crate) fn xdp_by_id(id: u32) -> Result<Xdp> {
    Ok(Xdp::from_program_info(info(id)?, Cow::Borrowed("by id"), XdpAttachType::Interface)?)
}

/// Opens a tc program that somebody else has loaded.
pub(crate) fn classifier_by_id(id: u32) -> Result<SchedClassifier> {
    Ok(SchedClassifier::from_program_info(info(id)?, Cow::Borrowed("by id"))?)
}

/// `struct xdp_md` for a test run whose frame has this length in its first buffer, and arrives at this
/// interface (0 for none).
pub(crate) fn context(length: usize, ifindex: u32) -> [u8; 24] {
    let mut context = [0; 24];
    context[4..8].copy_from_slice(&u32::try_from(length).expect("a frame's length").to_ne_bytes());
    context[12..16].copy_from_slice(&ifindex.to_ne_bytes());
    context
}

fn info(id: u32) -> Result<ProgramInfo> {
    let mut programs = loaded_programs().filter_map(Result::ok);
    programs.find(|program| program.id() == id).with_context(|| format!("program {id} is gone"))
}

fn id(program: &OwnedFd) -> Result<u32> {
    let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", program.as_raw_fd()))?;
    let id = text.lines().find_map(|line| line.strip_prefix("prog_id:")?.trim().parse().ok());
    id.with_context(|| format!("no program's id in {text:?}"))
}

fn load(kind: bpf_prog_type, name: &str, instructions: &[u64], frags: bool) -> Result<OwnedFd> {
    ensure!(name.len() < 16, "the kernel keeps 15 bytes of a name: {name}");
    // Before Linux 5.11, programs are charged to this limit. If it cannot be raised, the load itself fails.
    let _ = setrlimit(Resource::RLIMIT_MEMLOCK, libc::RLIM_INFINITY, libc::RLIM_INFINITY);
    let mut log = vec![0_u8; 1 << 16];
    // SAFETY: all zeros is a valid value of this plain C union.
    let mut attributes: bpf_attr = unsafe { std::mem::zeroed() };
    // SAFETY: this is the member for `BPF_PROG_LOAD`, and any bits are valid in it.
    let load = unsafe { &mut attributes.__bindgen_anon_3 };
    load.prog_type = kind as u32;
    load.insns = instructions.as_ptr() as u64;
    load.insn_cnt = u32::try_from(instructions.len())?;
    load.license = c"GPL".as_ptr() as u64;
    (load.log_level, load.log_size, load.log_buf) = (1, u32::try_from(log.len())?, log.as_mut_ptr() as u64);
    for (to, from) in load.prog_name.iter_mut().zip(name.bytes()) {
        *to = from.cast_signed();
    }
    if kind == bpf_prog_type::BPF_PROG_TYPE_XDP {
        load.expected_attach_type = bpf_attach_type::BPF_XDP as u32;
        load.prog_flags = if frags { BPF_F_XDP_HAS_FRAGS } else { 0 };
    }
    let (command, size) = (bpf_cmd::BPF_PROG_LOAD as libc::c_int, size_of::<bpf_attr>());
    // SAFETY: the attributes and all that they point to live until the call returns.
    let loaded = unsafe { libc::syscall(libc::SYS_bpf, command, &raw mut attributes, size) };
    let loaded = Errno::result(loaded).with_context(|| {
        log.truncate(log.iter().position(|byte| *byte == 0).unwrap_or(log.len()));
        format!("cannot load {name}: {}", String::from_utf8_lossy(&log))
    })?;
    // SAFETY: a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(RawFd::try_from(loaded)?) })
}
