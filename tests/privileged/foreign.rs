//! A foreign tc program, among others on its interface. It sets a mark on every packet and passes it on.

use std::borrow::Cow;

use aya::{
    programs::{
        LinkOrder, SchedClassifier, TcAttachType, loaded_programs,
        tc::{NlOptions, TcAttachOptions, TcHandle, qdisc_add_clsact},
    },
    util::KernelVersion,
};
use d365_tests::bpf::Program;

/// A foreign program on an interface of this thread's network namespace. The drop of this value detaches it.
pub(crate) struct Foreign(SchedClassifier);

impl Foreign {
    pub(crate) fn marking(mark: u32) -> Self {
        let program = Program::marking("foreign", mark).unwrap();
        Self::by_id(program.id().unwrap(), "foreign")
    }

    /// A loaded program.
    pub(crate) fn by_id(id: u32, name: &'static str) -> Self {
        let info = loaded_programs().filter_map(Result::ok).find(|info| info.id() == id).unwrap();
        Self(SchedClassifier::from_program_info(info, Cow::Borrowed(name)).unwrap())
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
