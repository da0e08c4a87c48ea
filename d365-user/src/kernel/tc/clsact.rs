//! The programs and filters at an interface's ingress, of every owner; and the `clsact` qdisc, for kernels
//! without tcx (before 6.6).
//!
//! Unlike a link, a filter outlives its daemon. The next daemon recognises the filter of a killed daemon by
//! the program's name and removes it. The daemon never changes a filter of another owner. It removes a qdisc
//! only if it added the qdisc itself and the qdisc is empty.

use std::io;

use aya::programs::{ProgramError, ProgramInfo, SchedClassifier, TcAttachType, tc::SchedClassifierLink};
use netlink_packet_core::NLM_F_ACK;
use netlink_packet_route::{
    RouteNetlinkMessage,
    tc::{TcAttribute, TcHandle as Handle, TcMessage},
};
use netlink_sys::protocols::NETLINK_ROUTE;
use nix::libc::{EINVAL, ENODEV, EOPNOTSUPP};

use super::{
    super::{bpf, netlink},
    filter::{Filter, below},
};

/// The two ends of the qdisc (`TC_H_MIN_INGRESS` and `TC_H_MIN_EGRESS` below `TC_H_CLSACT`).
const INGRESS: u32 = 0xffff_fff2;
const EGRESS: u32 = 0xffff_fff3;

/// The filters at an interface's ingress, in order. They include the filters of an ingress qdisc, which uses
/// the same parent.
pub(in super::super) fn filters(ifindex: u32) -> io::Result<Vec<Filter>> {
    below(ifindex, INGRESS)
}

/// The tcx programs at an interface's ingress, in order, each with its id and name; `None` if the kernel has
/// no tcx.
pub(in super::super) fn tcx(interface: &str) -> Result<Option<Vec<(u32, String)>>, ProgramError> {
    match SchedClassifier::query_tcx(interface, TcAttachType::Ingress) {
        Err(ProgramError::SyscallError(error))
            if matches!(error.io_error.raw_os_error(), Some(EINVAL | EOPNOTSUPP)) =>
        {
            Ok(None)
        }
        answer => {
            let name = |info: &ProgramInfo| String::from_utf8_lossy(info.name()).into_owned();
            Ok(Some(answer?.1.iter().map(|info| (info.id(), name(info))).collect()))
        }
    }
}

/// The ids of the programs at an interface's ingress: tcx programs and filters. An interface that has just
/// gone has none.
pub(in super::super) fn programs(ifindex: u32) -> io::Result<Vec<u32>> {
    let mut programs = match bpf::tcx_programs(ifindex) {
        Err(error) if matches!(error.raw_os_error(), Some(EINVAL | EOPNOTSUPP | ENODEV)) => Vec::new(),
        answer => answer?,
    };
    match filters(ifindex) {
        Err(error) if error.raw_os_error() == Some(ENODEV) => {}
        answer => programs.extend(answer?.iter().filter_map(|filter| filter.program)),
    }
    Ok(programs)
}

/// The daemon's filter at an interface's ingress. Dropping this value removes the filter, if it is still
/// there: another filter may have its priority and handle by now.
pub(in super::super) struct OwnFilter {
    link: Option<SchedClassifierLink>,
    ifindex: u32,
    /// The id of its program.
    program: u32,
    /// Dropped after the filter is removed; `None` if the daemon did not add the qdisc.
    _qdisc: Option<Qdisc>,
}

impl OwnFilter {
    pub(super) fn new(link: SchedClassifierLink, ifindex: u32, program: u32, qdisc: Option<Qdisc>) -> Self {
        Self { link: Some(link), ifindex, program, _qdisc: qdisc }
    }
}

impl Drop for OwnFilter {
    fn drop(&mut self) {
        let Some(link) = self.link.take() else { return };
        let (Ok(priority), Ok(handle)) = (link.priority(), link.handle()) else { return };
        let is_here = filters(self.ifindex).is_ok_and(|filters| {
            let at = |filter: &Filter| filter.priority == priority && filter.handle == handle;
            filters.iter().any(|filter| at(filter) && filter.program == Some(self.program))
        });
        if !is_here {
            std::mem::forget(link);
        }
    }
}

/// A `clsact` qdisc that the daemon added. Dropping this value removes the qdisc if it is empty.
pub(in super::super) struct Qdisc {
    ifindex: u32,
}

impl Qdisc {
    /// Records that the daemon added the qdisc of an interface.
    pub(super) fn added(ifindex: u32) -> Self {
        Self { ifindex }
    }
}

impl Drop for Qdisc {
    fn drop(&mut self) {
        let is_empty = |end| below(self.ifindex, end).is_ok_and(|found| found.is_empty());
        if !is_empty(INGRESS) || !is_empty(EGRESS) {
            return;
        }
        // The kernel's field is signed; interface indexes are not.
        let mut request = TcMessage::with_index(self.ifindex.cast_signed());
        request.header.parent = Handle::CLSACT;
        request.header.handle = Handle { major: u16::MAX, minor: 0 };
        request.attributes.push(TcAttribute::Kind("clsact".to_owned()));
        if let Err(error) =
            netlink::ask(NETLINK_ROUTE, RouteNetlinkMessage::DelQueueDiscipline(request), NLM_F_ACK)
        {
            tracing::debug!(ifindex = self.ifindex, %error, "the clsact qdisc stays");
        }
    }
}
