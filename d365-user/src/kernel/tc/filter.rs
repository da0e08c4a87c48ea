//! The filters at one end of an interface's `clsact` or `ingress` qdisc, of every kind (`RTM_GETTFILTER`, rtnetlink(7)).
//!
//! Attributes are read here as far as they are needed. netlink-packet-route reads those of a few kinds, and a filter of
//! somebody else's that it cannot read would then be an error.

use std::{fmt, io};

use aya::programs::tc::TcHandle;
use d365_common::names;
use netlink_packet_core::{
    NLA_HEADER_SIZE, NetlinkDeserializable, NetlinkHeader, NetlinkSerializable, NlaBuffer, NlasIterator,
};
use netlink_sys::protocols::NETLINK_ROUTE;

use crate::kernel::netlink;

/// `RTM_GETTFILTER` (linux/rtnetlink.h).
const GET_FILTER: u16 = 46;
/// `struct tcmsg`: its length, and where its numbers are that are read or written here.
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
/// Attributes of an action (`TCA_ACT_…`), and the action that sends packets to another interface (tc-mirred(8)).
const ACTION_KIND: u16 = 1;
const ACTION_OPTIONS: u16 = 2;
const MIRRED: &str = "mirred";
/// The action that runs a BPF program.
const BPF_ACTION: &str = "bpf";
/// `TCA_MIRRED_PARMS`: a `struct tc_mirred` (`linux/tc_act/tc_mirred.h`), where its last two numbers are, and what the first
/// of them is for packets that leave by another interface: sent there (`TCA_EGRESS_REDIR`) or copied (`TCA_EGRESS_MIRROR`).
const MIRRED_PARAMETERS: u16 = 2;
const MIRRED_ACTION: usize = 20;
const MIRRED_IFINDEX: usize = 24;
const MIRRED_EGRESS: [u32; 2] = [1, 2];

/// A filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kernel) struct Filter {
    /// What `tc` calls its kind: `bpf`, `u32`.
    pub(in crate::kernel) kind: String,
    /// The lower, the earlier.
    pub(in crate::kernel) priority: u16,
    pub(super) handle: TcHandle,
    /// What whoever attached it calls its BPF program.
    pub(in crate::kernel) name: Option<String>,
    /// Id of its BPF program.
    pub(in crate::kernel) program: Option<u32>,
    /// Whether a BPF program runs, as the filter or as an action of it.
    pub(in crate::kernel) has_program: bool,
    /// Indexes of the interfaces to which its actions send packets or copies of them.
    pub(in crate::kernel) targets: Vec<u32>,
}

/// Its kind, name and priority.
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
    /// Whether it bears our program's name.
    pub(in crate::kernel) fn is_ours(&self) -> bool {
        self.name.as_deref() == Some(names::PROGRAM_TAG)
    }

    /// Reads an answer. Each priority is told of by itself too, without options, and each hash table of a u32 filter: a
    /// handle alone is no filter.
    fn read(answer: &Answer) -> Option<Self> {
        let header = answer.0.get(..HEADER)?;
        let attributes = answer.0.get(HEADER..)?;
        let kind = text(attribute(attributes, KIND)?);
        let options = attribute(attributes, OPTIONS)?;
        // `tcm_info`: the priority, and the protocol below it.
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

/// The filters below `parent` on an interface, in their order. Without a qdisc there are none.
pub(super) fn below(ifindex: u32, parent: u32) -> io::Result<Vec<Filter>> {
    let mut request = vec![0; HEADER];
    request[IFINDEX..IFINDEX + 4].copy_from_slice(&ifindex.to_ne_bytes());
    request[PARENT..PARENT + 4].copy_from_slice(&parent.to_ne_bytes());
    match netlink::dump(NETLINK_ROUTE, Answer(request)) {
        // Without a qdisc there is nothing to ask (`tc_dump_tfilter`, net/sched/cls_api.c).
        Err(error) if error.raw_os_error() == Some(nix::libc::EINVAL) => Ok(Vec::new()),
        answers => Ok(answers?.iter().filter_map(Filter::read).collect()),
    }
}

/// The actions of a filter, each with its kind. The attribute that holds them has another number for each kind of filter, so
/// they are known by their own form: a list of actions, each with its kind and its options.
fn actions(options: &[u8]) -> impl Iterator<Item = (String, &[u8])> {
    let lists = attributes(options).map(|(_, value)| value);
    lists.flat_map(attributes).filter_map(|(_, action)| Some((text(attribute(action, ACTION_KIND)?), action)))
}

/// The interface to which an action sends packets.
fn target(kind: &str, action: &[u8]) -> Option<u32> {
    if kind != MIRRED {
        return None;
    }
    let parameters = attribute(attribute(action, ACTION_OPTIONS)?, MIRRED_PARAMETERS)?;
    let is_egress = MIRRED_EGRESS.contains(&number(parameters, MIRRED_ACTION)?);
    number(parameters, MIRRED_IFINDEX).filter(|_| is_egress)
}

/// The attributes in `bytes`, as far as they are attributes.
fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let whole = NlasIterator::new(bytes).map_while(Result::ok);
    whole.filter_map(|attribute: NlaBuffer<&[u8]>| {
        let (kind, end) = (attribute.kind(), usize::from(attribute.length()));
        Some((kind, attribute.into_inner().get(NLA_HEADER_SIZE..end)?))
    })
}

fn attribute(bytes: &[u8], kind: u16) -> Option<&[u8]> {
    attributes(bytes).find_map(|(is, value)| (is == kind).then_some(value))
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// A message as it is: `struct tcmsg` and attributes.
#[derive(Clone, Debug)]
struct Answer(Vec<u8>);

impl NetlinkSerializable for Answer {
    fn message_type(&self) -> u16 {
        GET_FILTER
    }

    fn buffer_len(&self) -> usize {
        self.0.len()
    }

    fn serialize(&self, buffer: &mut [u8]) {
        buffer[..self.0.len()].copy_from_slice(&self.0);
    }
}

impl NetlinkDeserializable for Answer {
    type Error = std::convert::Infallible;

    fn deserialize(_: &NetlinkHeader, payload: &[u8]) -> Result<Self, Self::Error> {
        Ok(Self(payload.to_vec()))
    }
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

    fn answer(kind: &str, options: Option<&[u8]>) -> Answer {
        let mut bytes = vec![0; HEADER];
        bytes[HANDLE..HANDLE + 4].copy_from_slice(&1_u32.to_ne_bytes());
        bytes[INFO..INFO + 4].copy_from_slice(&((7_u32 << 16) | 3).to_ne_bytes());
        bytes.extend(nla(KIND, &[kind.as_bytes(), &[0]].concat()));
        bytes.extend(options.map(|options| nla(OPTIONS, options)).unwrap_or_default());
        Answer(bytes)
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
        // The same numbers mean something else to another kind.
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
        assert_eq!(Filter::read(&Answer(vec![0; HEADER - 1])), None);
    }

    /// Actions are in attribute 7 of u32, 2 of matchall, 3 of flower: whatever the number.
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
