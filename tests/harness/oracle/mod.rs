//! The oracle: it uses etherparse to determine the right class of a frame. It shares no code with the parser
//! under test.
//!
//! The oracle reads a frame twice. The plain reading is etherparse's own reading of the whole frame, mapped
//! to our classes. The documented reading uses the layers of the same crate, and differs from the plain one
//! only by a [`Rule`]. A difference without a rule is a fault of the oracle or of etherparse, and fails. The
//! oracle knows no list, so it does not decide if a source is listed.

mod ip;
mod rule;

use std::net::IpAddr;

use etherparse::{
    Ethernet2Slice, IpNumber, Ipv6Header, LaxNetSlice, LaxSlicedPacket, NetSlice, SingleVlanSlice,
    SlicedPacket, TcpSlice, TransportSlice, ether_type,
};

pub use self::rule::{Rule, Uses};
use crate::{corpus::Expected, shrink::shrink};

const MALFORMED: Expected = Expected::Other("malformed");
const TOO_MANY_HEADERS: Expected = Expected::Other("too_many_headers");
const NOT_IP: Expected = Expected::Other("not_ip");
const NOT_TCP: Expected = Expected::Other("not_tcp");
const LATER_FRAGMENT: Expected = Expected::Other("later_fragment");

/// VLAN tags that are looked through.
const TAGS: usize = 2;
/// IPv6 extension headers that are looked through.
const EXTENSIONS: usize = 7;

/// The oracle's result for a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion {
    /// The right class of the frame.
    pub is: Expected,
    /// The class by etherparse's own reading.
    pub plain: Expected,
    /// Rules that were met and that explain etherparse's own reading; empty if both classes are equal.
    pub rules: Vec<Rule>,
}

impl Opinion {
    /// Returns true if both readings are equal, or if a rule explains the difference.
    pub fn is_explained(&self) -> bool {
        self.is == self.plain || !self.rules.is_empty()
    }
}

/// Classifies a frame, with these ports watched.
pub fn judge(frame: &[u8], watched: &[u16]) -> Opinion {
    let mut reading = Reading { watched, rules: Vec::new() };
    let (is, plain) = (reading.frame(frame), plain(frame, watched));
    reading.rules.retain(|rule| is != plain && rule.excuses(&plain));
    Opinion { is, plain, rules: reading.rules }
}

/// Reports a frame on which the readers disagree, shrunk to a case for the corpus. `disagreement`
/// returns the readers' answers for a frame, or `None` if all agree.
pub fn report(name: &str, frame: &[u8], mut disagreement: impl FnMut(&[u8]) -> Option<String>) -> String {
    let least = shrink(frame, |frame| disagreement(frame).is_some());
    let words = disagreement(&least).unwrap_or_else(|| "all readers agree at the second attempt".to_owned());
    // A case assumes that port 25 is watched.
    let expected = judge(&least, &[25]).is;
    let case = format!("A case for tests/harness/corpus: {expected:?}, {least:02x?}");
    format!("{name}: {words}\n{case}\nBefore it shrank: {frame:02x?}")
}

/// The number of bytes of IPv6 extension headers that etherparse finds in a frame.
pub fn extensions_len(frame: &[u8]) -> usize {
    match LaxSlicedPacket::from_ethernet(frame).map(|sliced| sliced.net) {
        Ok(Some(LaxNetSlice::Ipv6(packet))) => packet.extensions().slice().len(),
        _ => 0,
    }
}

/// The offset in a frame at which its IP packet ends by its length field, as etherparse finds it. The offset
/// may lie behind the frame's end.
pub fn packet_end(frame: &[u8]) -> Option<usize> {
    let sliced = LaxSlicedPacket::from_ethernet(frame).ok()?;
    let (header, len) = match &sliced.net {
        Some(LaxNetSlice::Ipv4(packet)) => {
            (packet.header().slice(), usize::from(packet.header().total_len()))
        }
        Some(LaxNetSlice::Ipv6(packet)) => {
            (packet.header().slice(), Ipv6Header::LEN + usize::from(packet.header().payload_length()))
        }
        _ => return None,
    };
    // The header is a part of the frame.
    Some(header.as_ptr().addr() - frame.as_ptr().addr() + len)
}

/// The whole frame, as etherparse reads it.
fn plain(frame: &[u8], watched: &[u16]) -> Expected {
    let Ok(sliced) = SlicedPacket::from_ethernet(frame) else { return MALFORMED };
    let (source, payload) = match &sliced.net {
        Some(NetSlice::Ipv4(packet)) => (packet.header().source_addr().into(), packet.payload()),
        Some(NetSlice::Ipv6(packet)) => (packet.header().source_addr().into(), packet.payload()),
        _ => return NOT_IP,
    };
    match &sliced.transport {
        Some(TransportSlice::Tcp(tcp)) => segment(source, tcp, watched),
        None if payload.fragmented && payload.ip_number == IpNumber::TCP => LATER_FRAGMENT,
        _ => NOT_TCP,
    }
}

fn segment(source: IpAddr, tcp: &TcpSlice<'_>, watched: &[u16]) -> Expected {
    if watched.contains(&tcp.destination_port()) {
        Expected::Smtp { source, opens: tcp.syn() && !tcp.ack() }
    } else {
        Expected::Other("other_port")
    }
}

/// The documented reading, and the rules that it has met.
struct Reading<'a> {
    watched: &'a [u16],
    rules: Vec<Rule>,
}

impl Reading<'_> {
    /// Records the rule, and returns its class.
    fn by(&mut self, rule: Rule, is: Expected) -> Expected {
        self.rules.push(rule);
        is
    }

    fn frame(&mut self, frame: &[u8]) -> Expected {
        let Ok(ethernet) = Ethernet2Slice::from_slice_without_fcs(frame) else { return MALFORMED };
        let mut inside = ethernet.payload();
        for _ in 0..TAGS {
            if !matches!(inside.ether_type, ether_type::VLAN_TAGGED_FRAME | ether_type::PROVIDER_BRIDGING) {
                break;
            }
            let Ok(tag) = SingleVlanSlice::from_slice(inside.payload) else { return MALFORMED };
            inside = tag.payload();
        }
        match inside.ether_type {
            ether_type::VLAN_TAGGED_FRAME | ether_type::PROVIDER_BRIDGING => {
                self.by(Rule::ThirdTag, TOO_MANY_HEADERS)
            }
            ether_type::VLAN_DOUBLE_TAGGED_FRAME => self.by(Rule::OldTag, NOT_IP),
            ether_type::MACSEC => self.by(Rule::MacSec, NOT_IP),
            ether_type::ARP => self.by(Rule::Arp, NOT_IP),
            ether_type::IPV4 => self.ipv4(inside.payload),
            ether_type::IPV6 => self.ipv6(inside.payload),
            _ => NOT_IP,
        }
    }

    /// Reads an upper layer that is not in a later fragment.
    fn upper(&mut self, source: IpAddr, number: IpNumber, bytes: &[u8]) -> Expected {
        if number != IpNumber::TCP {
            return self.by(Rule::UpperLayer, NOT_TCP);
        }
        TcpSlice::from_slice(bytes).map_or(MALFORMED, |tcp| segment(source, &tcp, self.watched))
    }
}

#[cfg(test)]
mod tests {
    use super::{LATER_FRAGMENT, MALFORMED, NOT_TCP, Rule, Uses, judge, packet_end, report};
    use crate::{
        corpus::{self, Expected, SOURCE_V4, SOURCE_V6},
        frame::{DOT1Q, Frame, Ipv4, Ipv6, Tcp},
    };

    /// Compares the oracle itself with the cases that were written by hand.
    #[test]
    fn the_oracle_classifies_every_case_as_the_corpus_does() {
        let wrong: Vec<String> = corpus::all()
            .iter()
            .map(|case| (case, judge(&case.frame, &[25])))
            .filter(|(case, opinion)| opinion.is != case.expected || !opinion.is_explained())
            .map(|(case, opinion)| format!("{}: {opinion:?}, not {:?}", case.name, case.expected))
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn every_rule_has_a_case() {
        let mut uses = Uses::default();
        for case in corpus::all() {
            uses.count(&judge(&case.frame, &[25]).rules);
        }
        uses.all_used();
    }

    #[test]
    fn a_rule_without_a_difference_is_not_used() {
        let mut frame = vec![0; 60];
        frame[12..14].copy_from_slice(&[0x08, 0x06]);
        frame[14..20].copy_from_slice(&[0, 1, 8, 0, 6, 4]);
        let whole = judge(&frame, &[25]);
        assert_eq!((whole.is, whole.rules), (whole.plain, vec![]), "a whole ARP packet");
        assert_eq!(judge(&frame[..30], &[25]).rules, [Rule::Arp], "a cut one");
    }

    /// Simulates a reader that takes no frame with a VLAN tag for a segment.
    #[test]
    fn a_frame_that_is_judged_wrongly_shrinks_to_a_case() {
        let is_segment = |frame: &[u8]| matches!(judge(frame, &[25]).is, Expected::Smtp { .. });
        let is_wrong = |frame: &[u8]| is_segment(frame) && frame[12..14] == [0x81, 0x00];
        let case = corpus::all().into_iter().find(|case| is_wrong(&case.frame)).expect("a tagged segment");
        let long = [&case.frame[..], &[0xa5; 400]].concat();
        let disagreement = |frame: &[u8]| is_wrong(frame).then(|| "the host says not_ip".to_owned());
        let report = report("found-1-7", &long, disagreement);
        let (before, bytes) = report.split_once(" }, [").expect("a segment's case");
        assert!(before.starts_with("found-1-7: the host says not_ip\n"), "{report}");
        let (bytes, _) = bytes.split_once(']').expect("the end of the bytes");
        let byte = |text: &str| u8::from_str_radix(text.trim(), 16).ok();
        let least: Vec<u8> = bytes.split(',').filter_map(byte).collect();
        assert!(is_wrong(&least) && least.len() <= case.frame.len(), "{report}");
    }

    #[test]
    fn a_packet_ends_at_its_length_field_behind_any_tags() {
        let v4 = Frame::new(Ipv4::new(SOURCE_V4, [192, 0, 2, 25]).carrying(Tcp::new(1, 25)));
        assert_eq!(packet_end(&v4.clone().pad(90).bytes()), Some(14 + 20 + 20));
        assert_eq!(packet_end(&v4.tag(DOT1Q, 1).tag(DOT1Q, 2).bytes()), Some(14 + 8 + 20 + 20));
        let v6 = Ipv6::new(SOURCE_V6, [0x2001, 0xdb8, 0, 25, 0, 0, 0, 25]).payload_length(500);
        assert_eq!(packet_end(&Frame::new(v6.carrying(Tcp::new(1, 25))).bytes()), Some(14 + 40 + 500));
        assert_eq!(packet_end(&[0; 60]), None);
    }

    #[test]
    fn a_rule_excuses_only_its_own_results() {
        assert!(Rule::UpperLayer.excuses(&MALFORMED) && !Rule::UpperLayer.excuses(&LATER_FRAGMENT));
        assert!(Rule::FirstFragment.excuses(&LATER_FRAGMENT) && !Rule::FirstFragment.excuses(&MALFORMED));
        assert!(Rule::LaterFragment.excuses(&NOT_TCP));
        assert!(!Rule::LaterFragment.excuses(&Expected::Other("other_port")));
        assert!(Rule::ThirdTag.excuses(&NOT_TCP), "a reading that continues may have any result");
    }
}
