//! The filters at one end of an interface's `clsact` or `ingress` qdisc, of every kind (`RTM_GETTFILTER`,
//! rtnetlink(7)).
//!
//! This module decodes only the attributes that it needs. netlink-packet-route decodes those of a few kinds
//! of filters, and returns an error for another owner's filter that it cannot decode.

use std::{fmt, io};

use aya::programs::tc::TcHandle;
use netlink_packet_core::NLM_F_DUMP;
use netlink_sys::protocols::NETLINK_ROUTE;

use crate::kernel::{
    netlink::{self, Raw, attribute, attributes},
    role::is_own,
};

/// `RTM_GETTFILTER` (linux/rtnetlink.h).
const GET_FILTER: u16 = 46;
/// `struct tcmsg`: its length, and the offsets of the fields that are read or written here.
const HEADER: usize = 20;
const IFINDEX: usize = 4;
const HANDLE: usize = 8;
const PARENT: usize = 12;
const INFO: usize = 16;
/// Attributes of a filter (`TCA_…`), and of a BPF filter's options (`TCA_BPF_…`, `linux/pkt_cls.h`).
const KIND: u16 = 1;
const OPTIONS: u16 = 2;
const BPF_NAME: u16 = 7;
const BPF_ID: u16 = 11;
/// Attributes of an action (`TCA_ACT_…`), and the action that sends packets to another interface
/// (tc-mirred(8)).
const ACTION_KIND: u16 = 1;
const ACTION_OPTIONS: u16 = 2;
const MIRRED: &str = "mirred";
/// The action that runs a BPF program.
const BPF_ACTION: &str = "bpf";
/// `TCA_MIRRED_PARMS`: a `struct tc_mirred` (`linux/tc_act/tc_mirred.h`), the offsets of its last two fields,
/// and the values of the first of them for packets that leave by another interface: redirected
/// (`TCA_EGRESS_REDIR`) or copied (`TCA_EGRESS_MIRROR`).
const MIRRED_PARAMETERS: u16 = 2;
const MIRRED_ACTION: usize = 20;
const MIRRED_IFINDEX: usize = 24;
const MIRRED_EGRESS: [u32; 2] = [1, 2];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kernel) struct Filter {
    /// Its kind, as `tc` names it: `bpf`, `u32`.
    pub(in crate::kernel) kind: String,
    /// Filters with a lower number run earlier.
    pub(in crate::kernel) priority: u16,
    pub(super) handle: TcHandle,
    /// The name of its BPF program, as given when the filter was attached.
    pub(in crate::kernel) name: Option<String>,
    pub(in crate::kernel) program: Option<u32>,
    /// True if a BPF program runs, as the filter or as one of its actions.
    pub(in crate::kernel) has_program: bool,
    /// Indexes of the interfaces to which its actions send packets or copies of them.
    pub(in crate::kernel) targets: Vec<u32>,
}

/// Formats its kind, name and priority.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} filter", self.kind)?;
        if let Some(name) = self.name.as_deref().filter(|name| !name.is_empty()) {
            write!(f, " {name}")?;
        }
        write!(f, " with priority {}", self.priority)
    }
}

impl Filter {
    /// Returns true if it has the name of one of our programs.
    pub(in crate::kernel) fn is_ours(&self) -> bool {
        self.name.as_deref().is_some_and(is_own)
    }

    /// Decodes an answer; `None` if it is not a filter. The kernel also reports each priority by itself,
    /// without options. It reports the hash tables of a u32 filter too, which have options and count as
    /// filters here.
    fn read(answer: &Raw) -> Option<Self> {
        let header = answer.bytes.get(..HEADER)?;
        let attributes = answer.bytes.get(HEADER..)?;
        let kind = text(attribute(attributes, KIND)?);
        let options = attribute(attributes, OPTIONS)?;
        // `tcm_info`: the priority in the upper 16 bits, the protocol in the lower ones.
        let priority = u16::try_from(number(header, INFO)? >> 16).ok()?;
        let is_bpf = kind == "bpf";
        let program = attribute(options, BPF_ID).filter(|_| is_bpf).and_then(|id| number(id, 0));
        Some(Self {
            handle: number(header, HANDLE)?.into(),
            name: attribute(options, BPF_NAME).filter(|_| is_bpf).map(text),
            program,
            has_program: program.is_some() || actions(options).any(|(kind, _)| kind == BPF_ACTION),
            targets: actions(options).filter_map(|(kind, action)| target(&kind, action)).collect(),
            kind,
            priority,
        })
    }
}

/// The filters below `parent` on an interface, in order. The list is empty if there is no qdisc.
pub(super) fn below(ifindex: u32, parent: u32) -> io::Result<Vec<Filter>> {
    let mut bytes = vec![0; HEADER];
    bytes[IFINDEX..IFINDEX + 4].copy_from_slice(&ifindex.to_ne_bytes());
    bytes[PARENT..PARENT + 4].copy_from_slice(&parent.to_ne_bytes());
    match netlink::ask(NETLINK_ROUTE, Raw { kind: GET_FILTER, bytes }, NLM_F_DUMP) {
        // The kernel returns EINVAL if there is no qdisc (`tc_dump_tfilter`, net/sched/cls_api.c).
        Err(error) if error.raw_os_error() == Some(nix::libc::EINVAL) => Ok(Vec::new()),
        answers => Ok(answers?.iter().filter_map(Filter::read).collect()),
    }
}

/// The actions of a filter, each with its kind. Each kind of filter has a different number for the attribute
/// that holds them. So this function finds them by their form: a list of actions, each with its kind and its
/// options.
fn actions(options: &[u8]) -> impl Iterator<Item = (String, &[u8])> {
    let lists = attributes(options).map(|(_, value)| value);
    lists.flat_map(attributes).filter_map(|(_, action)| Some((text(attribute(action, ACTION_KIND)?), action)))
}

/// Index of the interface to which an action sends packets.
fn target(kind: &str, action: &[u8]) -> Option<u32> {
    if kind != MIRRED {
        return None;
    }
    let parameters = attribute(attribute(action, ACTION_OPTIONS)?, MIRRED_PARAMETERS)?;
    let is_egress = MIRRED_EGRESS.contains(&number(parameters, MIRRED_ACTION)?);
    number(parameters, MIRRED_IFINDEX).filter(|_| is_egress)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nla(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(value.len() + 4).unwrap();
        let mut bytes = [&length.to_ne_bytes()[..], &kind.to_ne_bytes()[..], value].concat();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn answer(kind: &str, options: Option<&[u8]>) -> Raw {
        let mut bytes = vec![0; HEADER];
        bytes[HANDLE..HANDLE + 4].copy_from_slice(&1_u32.to_ne_bytes());
        bytes[INFO..INFO + 4].copy_from_slice(&((7_u32 << 16) | 3).to_ne_bytes());
        bytes.extend(nla(KIND, &[kind.as_bytes(), &[0]].concat()));
        bytes.extend(options.map(|options| nla(OPTIONS, options)).unwrap_or_default());
        Raw { kind: GET_FILTER, bytes }
    }

    /// An action of the kind mirred.
    fn mirred(action: u32, ifindex: u32) -> Vec<u8> {
        let parameters = [&[0; MIRRED_ACTION][..], &action.to_ne_bytes(), &ifindex.to_ne_bytes()].concat();
        let options = nla(ACTION_OPTIONS | 0x8000, &nla(MIRRED_PARAMETERS, &parameters));
        [nla(ACTION_KIND, b"mirred\0"), options].concat()
    }

    #[test]
    fn a_bpf_filter_has_a_name_and_a_program() {
        let options = [nla(BPF_NAME, b"d365_tag\0"), nla(BPF_ID, &57_u32.to_ne_bytes())].concat();
        let filter = Filter::read(&answer("bpf", Some(&options))).unwrap();
        assert_eq!((filter.kind.as_str(), filter.priority, filter.program), ("bpf", 7, Some(57)));
        assert!(filter.is_ours() && filter.has_program && filter.targets.is_empty());
        assert_eq!(filter.to_string(), "bpf filter d365_tag with priority 7");
        // These attribute numbers have another meaning in filters of another kind.
        let other = Filter::read(&answer("u32", Some(&options))).unwrap();
        assert_eq!((other.name.as_deref(), other.program, other.is_ours()), (None, None, false));
        assert_eq!((other.to_string().as_str(), other.has_program), ("u32 filter with priority 7", false));
    }

    #[test]
    fn a_program_may_be_an_action() {
        let options = nla(7, &nla(1, &nla(ACTION_KIND, b"bpf\0")));
        let filter = Filter::read(&answer("u32", Some(&options))).unwrap();
        assert_eq!((filter.program, filter.has_program), (None, true));
    }

    #[test]
    fn a_priority_alone_is_no_filter() {
        assert_eq!(Filter::read(&answer("u32", None)), None);
        assert_eq!(Filter::read(&Raw { kind: GET_FILTER, bytes: vec![0; HEADER - 1] }), None);
    }

    /// Actions are in attribute 7 of u32, 2 of matchall and 3 of flower. The number must not matter.
    #[test]
    fn targets_are_found_whatever_the_kind() {
        for holder in [2, 3, 7, 40] {
            let actions = [nla(1, &mirred(1, 12)), nla(2, &mirred(2, 13)), nla(3, &mirred(3, 14))].concat();
            let options = [nla(5, &[1, 2, 3]), nla(holder | 0x8000, &actions)].concat();
            let filter = Filter::read(&answer("some", Some(&options))).unwrap();
            assert_eq!(filter.targets, [12, 13], "ingress redirects do not leave by another interface");
        }
    }

    #[test]
    fn what_is_no_attribute_is_left_out() {
        for length in 0..64 {
            for byte in [0, 1, 0x7f, 0xff] {
                let options = vec![byte; length];
                let filter = Filter::read(&answer("u32", Some(&options))).unwrap();
                assert!(filter.targets.is_empty());
            }
        }
    }
}
