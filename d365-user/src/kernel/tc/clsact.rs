//! The `clsact` qdisc and its ingress filters, for kernels without tcx (before 6.6).
//!
//! A filter outlives its daemon, unlike a link: what a daemon that was killed has left is known by the program's name and
//! taken away by the next. Nobody else's filter is touched, and a qdisc goes only if it came with us and is empty.

use std::io;

use aya::programs::tc::TcHandle;
use d365_common::names;
use netlink_packet_core::NLM_F_ACK;
use netlink_packet_route::{
    RouteNetlinkMessage,
    tc::{TcAttribute, TcFilterBpfOption, TcHandle as Handle, TcMessage, TcOption},
};
use netlink_sys::protocols::NETLINK_ROUTE;

use super::super::netlink;

/// A BPF filter on the ingress side of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Filter {
    /// The lower, the earlier.
    pub(super) priority: u16,
    pub(super) handle: TcHandle,
    /// What whoever attached it calls its program.
    pub(in super::super) name: Option<String>,
    /// Id of its program.
    pub(in super::super) program: Option<u32>,
}

impl Filter {
    /// Whether it bears our program's name.
    pub(super) fn is_ours(&self) -> bool {
        self.name.as_deref() == Some(names::PROGRAM_TAG)
    }
}

/// The BPF filters at an interface's ingress, in their order (`RTM_GETTFILTER`); those of an ingress qdisc too, which
/// takes the same parent for its own.
pub(in super::super) fn filters(ifindex: u32) -> io::Result<Vec<Filter>> {
    let answers = match below(ifindex, Handle::MIN_INGRESS) {
        // Without a qdisc there is nothing to ask (`tc_dump_tfilter`, net/sched/cls_api.c).
        Err(error) if error.raw_os_error() == Some(nix::libc::EINVAL) => Vec::new(),
        answers => answers?,
    };
    Ok(answers.into_iter().filter_map(filter).collect())
}

/// The filters of every kind at one end of a `clsact` qdisc, as the kernel tells of them.
fn below(ifindex: u32, end: u16) -> io::Result<Vec<RouteNetlinkMessage>> {
    let mut request = message(ifindex);
    request.header.parent = Handle { major: u16::MAX, minor: end };
    netlink::dump(NETLINK_ROUTE, RouteNetlinkMessage::GetTrafficFilter(request))
}

/// A BPF filter out of an answer. Each priority is told of by itself too, without options.
fn filter(answer: RouteNetlinkMessage) -> Option<Filter> {
    let RouteNetlinkMessage::NewTrafficFilter(message) = answer else { return None };
    let options = message.attributes.iter().find_map(|attribute| match attribute {
        TcAttribute::Options(options) => Some(options),
        _ => None,
    })?;
    let bpf = || {
        options.iter().filter_map(|option| match option {
            TcOption::Bpf(option) => Some(option),
            _ => None,
        })
    };
    bpf().next()?;
    // `tcm_info` (struct tcmsg): the priority, and the protocol below it.
    let [high, low, ..] = message.header.info.to_be_bytes();
    Some(Filter {
        priority: u16::from_be_bytes([high, low]),
        handle: u32::from(message.header.handle).into(),
        name: bpf().find_map(|option| match option {
            TcFilterBpfOption::ProgName(name) => Some(name.clone()),
            _ => None,
        }),
        program: bpf().find_map(|option| match option {
            TcFilterBpfOption::ProgId(id) => Some(*id),
            _ => None,
        }),
    })
}

/// A `clsact` qdisc that was added; goes with this value if it is empty then.
pub(in super::super) struct Qdisc {
    ifindex: u32,
}

impl Qdisc {
    /// Remembers that the qdisc of an interface came with us.
    pub(super) fn added(ifindex: u32) -> Self {
        Self { ifindex }
    }
}

impl Drop for Qdisc {
    fn drop(&mut self) {
        let is_empty = |end| below(self.ifindex, end).is_ok_and(|found| found.is_empty());
        if !is_empty(Handle::MIN_INGRESS) || !is_empty(Handle::MIN_EGRESS) {
            return;
        }
        let mut request = message(self.ifindex);
        request.header.parent = Handle::CLSACT;
        request.header.handle = Handle { major: u16::MAX, minor: 0 };
        request.attributes.push(TcAttribute::Kind("clsact".to_owned()));
        if let Err(error) =
            netlink::ask(NETLINK_ROUTE, RouteNetlinkMessage::DelQueueDiscipline(request), NLM_F_ACK)
        {
            tracing::debug!("the clsact qdisc of interface {} stays: {error}", self.ifindex);
        }
    }
}

fn message(ifindex: u32) -> TcMessage {
    // The kernel's type for it has a sign; indexes have none.
    TcMessage::with_index(ifindex.cast_signed())
}
