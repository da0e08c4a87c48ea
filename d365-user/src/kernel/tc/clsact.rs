//! The `clsact` qdisc and its ingress filters, for kernels without tcx (before 6.6).
//!
//! Unlike a link, a filter outlives its daemon. The next daemon recognises the filter of a killed daemon by
//! the program's name and removes it. The daemon never changes a filter of another owner. It removes a qdisc
//! only if it added the qdisc itself and the qdisc is empty.

use std::io;

use netlink_packet_core::NLM_F_ACK;
use netlink_packet_route::{
    RouteNetlinkMessage,
    tc::{TcAttribute, TcHandle as Handle, TcMessage},
};
use netlink_sys::protocols::NETLINK_ROUTE;

use super::{
    super::netlink,
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
