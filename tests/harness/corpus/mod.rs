//! The corpus: crafted frames, each with its expected class. Tests compare the host's parser and the kernel
//! program with the same table.
//!
//! The expected results are written by hand from the RFCs. The code under test computes none of them.

pub mod hidden;
mod odd;
mod ports;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::frame::{DOT1AD, DOT1Q, Extension, Frame, Ipv4, Ipv6, Packet, Tcp};

/// A frame and its expected result.
#[derive(Clone, Debug)]
pub struct Case {
    /// Describes the special feature of the frame.
    pub name: String,
    /// The frame.
    pub frame: Vec<u8>,
    /// The expected result.
    pub expected: Expected,
}

/// The expected result for a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// A TCP segment to port 25.
    Smtp {
        /// The source address.
        source: IpAddr,
        /// True for SYN without ACK.
        opens: bool,
    },
    /// Any other frame: the value of the metrics' label `reason`.
    Other(&'static str),
}

/// Source of the corpus's IPv4 packets (RFC 5737).
pub const SOURCE_V4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 9);
/// Source of the corpus's IPv6 packets (RFC 3849).
pub const SOURCE_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 9, 0, 0, 0, 9);
const HOST_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 25);
const HOST_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 25, 0, 0, 0, 25);
const SMTP: u16 = 25;

/// Every case.
pub fn all() -> Vec<Case> {
    let mut cases = combinations();
    cases.extend(ports::cases());
    cases.extend(odd::cases());
    cases
}

/// Every stack of tags with every network header. All are well-formed segments to port 25.
pub fn combinations() -> Vec<Case> {
    let mut cases = Vec::new();
    for (tags, stack) in stacks() {
        for words in 5..=15 {
            let packet = Ipv4::new(SOURCE_V4, HOST_V4).options(&vec![1; (words - 5) * 4]);
            let packet = packet.carrying(Tcp::new(40_000, SMTP).syn());
            let expected = Expected::Smtp { source: SOURCE_V4.into(), opens: true };
            cases.push(Case::new(format!("{tags}, IPv4 of {words} words"), &tag(packet, &stack), expected));
        }
        for (names, extensions) in chains() {
            let packet = Ipv6::new(SOURCE_V6, HOST_V6).extensions(extensions);
            let packet = packet.carrying(Tcp::new(40_000, SMTP).syn().options(&[1; 12]).payload([0; 7]));
            let expected = Expected::Smtp { source: SOURCE_V6.into(), opens: true };
            cases.push(Case::new(format!("{tags}, IPv6 [{names}]"), &tag(packet, &stack), expected));
        }
    }
    cases
}

/// Every stack of up to two tags.
fn stacks() -> Vec<(&'static str, Vec<u16>)> {
    vec![
        ("untagged", vec![]),
        ("802.1Q", vec![DOT1Q]),
        ("802.1ad", vec![DOT1AD]),
        ("802.1Q in 802.1ad", vec![DOT1AD, DOT1Q]),
        ("802.1Q in 802.1Q", vec![DOT1Q, DOT1Q]),
        ("802.1ad in 802.1ad", vec![DOT1AD, DOT1AD]),
    ]
}

/// Each extension header alone, short and long, every pair, and the longest chain that the parser looks
/// through.
fn chains() -> Vec<(String, Vec<Extension>)> {
    let short: [(&str, Extension); 3] = [
        ("routing", Extension::routing(0)),
        ("destination", Extension::destination(0)),
        ("fragment", Extension::fragment(0, false)),
    ];
    let long: [(&str, Extension); 3] = [
        ("hop-by-hop of 2048", Extension::hop_by_hop(255)),
        ("routing of 2048", Extension::routing(255)),
        ("destination of 2048", Extension::destination(255)),
    ];
    let mut chains = vec![(String::new(), vec![]), ("hop-by-hop".into(), vec![Extension::hop_by_hop(0)])];
    chains.extend(long.map(|(name, extension)| (name.to_owned(), vec![extension])));
    for (name, extension) in &short {
        chains.push(((*name).to_owned(), vec![extension.clone()]));
        chains.push((format!("hop-by-hop, {name}"), vec![Extension::hop_by_hop(1), extension.clone()]));
        for (second_name, second) in &short {
            chains.push((format!("{name}, {second_name}"), vec![extension.clone(), second.clone()]));
        }
    }
    let full = [
        Extension::hop_by_hop(0),
        Extension::destination(1),
        Extension::routing(2),
        Extension::fragment(0, true),
        Extension::routing(1),
        Extension::destination(0),
        Extension::destination(3),
    ];
    chains.push(("seven headers".into(), full.to_vec()));
    chains
}

fn tag(packet: impl Into<Packet>, stack: &[u16]) -> Frame {
    stack.iter().fold(Frame::new(packet), |frame, protocol| frame.tag(*protocol, 0x6007))
}

impl Case {
    fn new(name: impl Into<String>, frame: &Frame, expected: Expected) -> Self {
        Self { name: name.into(), frame: frame.bytes(), expected }
    }

    fn other(name: impl Into<String>, frame: &Frame, reason: &'static str) -> Self {
        Self::new(name, frame, Expected::Other(reason))
    }
}
