//! The BPF programs at an interface's ingress behind XDP: tcx (Linux 6.6) and the filters of a clsact or ingress qdisc.

use aya::programs::{ProgramError, SchedClassifier, TcAttachType};
use netlink_packet_route::{
    RouteNetlinkMessage,
    tc::{TcAttribute, TcFilterBpfOption, TcHandle, TcMessage, TcOption},
};
use netlink_sys::protocols::NETLINK_ROUTE;
use nix::libc::{EINVAL, EOPNOTSUPP};

use super::{
    Fact, Program,
    programs::{Loaded, name},
};
use crate::kernel::netlink;

/// `TC_H_MIN_INGRESS` of the clsact qdisc (`linux/pkt_sched.h`). An ingress qdisc takes it for its own.
const INGRESS: TcHandle = TcHandle { major: u16::MAX, minor: 0xfff2 };

/// The tcx programs at ingress, in their order; `None` where the kernel has no tcx.
pub(super) fn tcx(interface: &str) -> Fact<Option<Vec<Program>>> {
    let programs = match SchedClassifier::query_tcx(interface, TcAttachType::Ingress) {
        Err(ProgramError::SyscallError(error))
            if matches!(error.io_error.raw_os_error(), Some(EINVAL | EOPNOTSUPP)) =>
        {
            return Ok(None);
        }
        answer => answer?.1,
    };
    let program = |(id, name)| Program { id: Some(id), name: Ok(name), holders: None };
    Ok(Some(programs.iter().map(|info| program(name(info))).collect()))
}

/// The BPF filters at ingress, in their order (`RTM_GETTFILTER`).
pub(super) fn clsact(index: u32, loaded: &Loaded) -> Fact<Vec<Program>> {
    // The kernel's type for it has a sign; indexes have none.
    let mut question = TcMessage::with_index(index.cast_signed());
    question.header.parent = INGRESS;
    let answer = netlink::dump(NETLINK_ROUTE, RouteNetlinkMessage::GetTrafficFilter(question))?;
    Ok(answer.iter().filter_map(|message| filter(message, loaded)).collect())
}

/// A filter's program. Each kind of filter is announced by a message without options, which is none.
fn filter(message: &RouteNetlinkMessage, loaded: &Loaded) -> Option<Program> {
    let RouteNetlinkMessage::NewTrafficFilter(message) = message else { return None };
    let options = message.attributes.iter().find_map(|attribute| match attribute {
        TcAttribute::Options(options) => Some(options),
        _ => None,
    })?;
    let options = options.iter().filter_map(|option| match option {
        TcOption::Bpf(option) => Some(option),
        _ => None,
    });
    let (mut id, mut annotation, mut is_bpf) = (None, String::new(), false);
    for option in options {
        is_bpf = true;
        match option {
            TcFilterBpfOption::ProgId(program) => id = Some(*program),
            TcFilterBpfOption::ProgName(name) => annotation.clone_from(name),
            _ => {}
        }
    }
    is_bpf.then(|| match id {
        Some(id) => {
            let program = loaded.program(id);
            // Whoever attached it wrote a name beside it, which all may read.
            let name = program.name.clone().or_else(|unknown| match annotation.as_str() {
                "" => Err(unknown),
                name => Ok(name.to_owned()),
            });
            Program { name, ..program }
        }
        None => Program { id: None, name: Ok(annotation), holders: None },
    })
}
