//! A foreign tc program, among others on its interface. It sets a mark on every packet and passes it on.

use aya::{
    programs::{
        LinkOrder, SchedClassifier, TcAttachType,
        tc::{NlOptions, TcAttachOptions, TcHandle, qdisc_add_clsact},
    },
    util::KernelVersion,
};

use crate::bpf::{self, TC_NEXT, instruction};

/// A foreign program on an interface of this thread's network namespace. The drop of this value detaches it.
pub(crate) struct Foreign(SchedClassifier);

impl Foreign {
    pub(crate) fn marking(mark: u32) -> Self {
        // `r2 = mark`, and `*(u32 *)(r1 + 8) = r2`: `mark` of `struct __sk_buff`.
        let set_mark = [instruction(0xb7, 2, 0, 0, mark), instruction(0x63, 1, 2, 8, 0)];
        let code = [set_mark, bpf::result(TC_NEXT)].concat();
        Self(bpf::classifier("foreign", &code).unwrap())
    }

    /// Attaches it before or behind all others, by tcx where the kernel has it.
    pub(crate) fn attach(&mut self, interface: &str, first: bool) {
        let options = if KernelVersion::current().unwrap() >= KernelVersion::new(6, 6, 0) {
            TcAttachOptions::TcxOrder(if first { LinkOrder::first() } else { LinkOrder::last() })
        } else {
            // An error is expected if the interface has the qdisc already.
            let _ = qdisc_add_clsact(interface);
            let priority = if first { 1 } else { u16::MAX };
            TcAttachOptions::Netlink(NlOptions { priority, handle: TcHandle::AUTO_ASSIGN, classid: None })
        };
        self.0.attach_with_options(interface, TcAttachType::Ingress, options).unwrap();
    }
}
