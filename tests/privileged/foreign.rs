//! Somebody else's tc program: sets a mark on every packet, and hands it on.
//!
//! It is made of plain instructions and has nothing in common with ours.

use std::{
    borrow::Cow,
    ffi::CStr,
    os::fd::{FromRawFd as _, OwnedFd},
};

use aya::{
    programs::{
        LinkOrder, SchedClassifier, TcAttachType, loaded_programs,
        tc::{NlOptions, SchedClassifierLinkId, TcAttachOptions, TcHandle, qdisc_add_clsact},
    },
    util::KernelVersion,
};
use nix::{errno::Errno, libc};

const NAME: &CStr = c"foreign";
const BPF_PROG_LOAD: libc::c_int = 5;
const BPF_PROG_TYPE_SCHED_CLS: u32 = 3;

/// The beginning of `union bpf_attr` for `BPF_PROG_LOAD`, include/uapi/linux/bpf.h.
#[repr(C)]
#[derive(Default)]
struct Attributes {
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
}

/// One instruction: operation, registers (source and destination), offset, immediate value.
const fn instruction(operation: u8, registers: u8, offset: u16, immediate: u32) -> u64 {
    operation as u64 | (registers as u64) << 8 | (offset as u64) << 16 | (immediate as u64) << 32
}

/// A foreign program on an interface of this thread's network namespace; gone with this value.
pub(crate) struct Foreign {
    program: SchedClassifier,
    link: Option<SchedClassifierLinkId>,
}

impl Foreign {
    /// Loads a program that sets this mark.
    pub(crate) fn marking(mark: u32) -> Self {
        let instructions = [
            instruction(0xb4, 0x02, 0, mark),            // w2 = mark
            instruction(0x63, 0x21, 8, 0),               // skb->mark = w2
            instruction(0xb7, 0x00, 0, (-1_i32) as u32), // r0 = TC_ACT_UNSPEC
            instruction(0x95, 0x00, 0, 0),               // exit
        ];
        let mut attributes = Attributes {
            kind: BPF_PROG_TYPE_SCHED_CLS,
            count: instructions.len().try_into().unwrap(),
            instructions: instructions.as_ptr() as u64,
            license: c"GPL".as_ptr() as u64,
            ..Attributes::default()
        };
        attributes.name[..NAME.count_bytes()].copy_from_slice(NAME.to_bytes());
        let before: Vec<u32> = ids();
        // SAFETY: the attributes and all that they point to live until the call returns.
        let fd = unsafe {
            libc::syscall(libc::SYS_bpf, BPF_PROG_LOAD, &raw const attributes, size_of::<Attributes>())
        };
        // SAFETY: a new descriptor that nobody else owns.
        let _loaded = unsafe { OwnedFd::from_raw_fd(Errno::result(fd).unwrap().try_into().unwrap()) };
        let info = loaded_programs()
            .filter_map(Result::ok)
            .find(|program| program.name() == NAME.to_bytes() && !before.contains(&program.id()));
        let info = info.expect("the program that was just loaded");
        let program = SchedClassifier::from_program_info(info, Cow::Borrowed("foreign")).unwrap();
        Self { program, link: None }
    }

    /// Puts it before all others, or behind them: by tcx where the kernel has it.
    pub(crate) fn attach(&mut self, interface: &str, first: bool) {
        let options = if KernelVersion::current().unwrap() >= KernelVersion::new(6, 6, 0) {
            TcAttachOptions::TcxOrder(if first { LinkOrder::first() } else { LinkOrder::last() })
        } else {
            // Whoever comes second finds it there.
            let _ = qdisc_add_clsact(interface);
            let priority = if first { 1 } else { u16::MAX };
            TcAttachOptions::Netlink(NlOptions { priority, handle: TcHandle::AUTO_ASSIGN, classid: None })
        };
        self.link =
            Some(self.program.attach_with_options(interface, TcAttachType::Ingress, options).unwrap());
    }
}

fn ids() -> Vec<u32> {
    loaded_programs().filter_map(Result::ok).map(|program| program.id()).collect()
}
