//! Whole frames, built layer by layer: VLAN stacks, IPv4 options, chains of IPv6 extension headers,
//! fragments, every TCP flag. Now and then a field of a layer lies. Some frames are then padded, cut or
//! mutated.

use ipnet::IpNet;

use super::{SHORTEST, mutate::mutate, random::Random, sources::Sources};
use crate::frame::{ARP, DOT1AD, DOT1Q, Extension, Frame, IPV4, IPV6, Ipv4, Ipv6, Packet, Segment, Tcp, Udp};

const AUTHENTICATION: u8 = 51;
/// Upper layers and extension headers, IANA "Assigned Internet Protocol Numbers".
const PROTOCOLS: [u8; 16] = [0, 1, 2, 4, 6, 17, 41, 43, 44, 50, AUTHENTICATION, 58, 59, 60, 132, 135];

/// A source of layered frames.
#[derive(Debug)]
pub struct Layers {
    random: Random,
    sources: Sources,
    ports: Vec<u16>,
    /// The previous frame. A mutation may append its rest to the next frame.
    last: Vec<u8>,
    size: Size,
}

/// The size of the frame under construction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Size {
    /// The frame mostly fits one buffer.
    Usual,
    /// The headers or the data mostly do not fit one buffer. A length field can state the size.
    Jumbo,
    /// The size is at the limit of a length field, or beyond it.
    Batch,
}

impl Layers {
    /// Starts from a seed. Most source addresses relate to the prefixes of `list`. Most destination ports are
    /// among `ports` or next to them.
    pub fn new(seed: u64, list: &[IpNet], ports: &[u16]) -> Self {
        let (random, sources) = (Random::new(seed), Sources::new(list));
        Self { random, sources, ports: ports.to_vec(), last: Vec::new(), size: Size::Usual }
    }

    /// Puts the next frame into `frame`: 14 bytes or more. Four of 1000 frames are [`Size::Jumbo`], and one
    /// is [`Size::Batch`].
    pub fn next_into(&mut self, frame: &mut Vec<u8>) {
        self.size = match self.random.below(1000) {
            0 => Size::Batch,
            1..=4 => Size::Jumbo,
            _ => Size::Usual,
        };
        let made = self.framed().bytes();
        frame.clear();
        frame.extend(&made);
        if self.random.one_in(3) {
            for _ in 0..=self.random.below(3) {
                mutate(&mut self.random, frame, &self.last);
            }
        }
        if frame.len() < SHORTEST {
            frame.resize(SHORTEST, 0);
        }
        if self.size == Size::Usual {
            self.last.clone_from(frame);
        }
    }

    /// Puts a link layer around a packet.
    fn framed(&mut self) -> Frame {
        let packet = match self.random.below(16) {
            0..=6 => self.ipv4().into(),
            7..=14 => self.ipv6().into(),
            _ => self.another(),
        };
        let len = packet.bytes.len();
        let mut frame = Frame::new(packet);
        for _ in 0..self.random.pick(&[0, 0, 0, 0, 1, 1, 1, 2, 2, 3]) {
            let kind = if self.random.one_in(20) { 0x9100 } else { self.random.pick(&[DOT1Q, DOT1AD]) };
            frame = frame.tag(kind, self.random.word());
        }
        if self.random.one_in(40) {
            frame = frame.ethertype(self.random.pick(&[IPV4, IPV6, DOT1Q, DOT1AD, 0x0000]));
        }
        if self.size == Size::Batch {
            return frame.pad(65_500 + self.random.below(200));
        }
        if self.random.one_in(4) {
            frame = frame.pad(self.random.pick(&[60, 14 + len + 1, 14 + len + 30]));
        }
        if self.random.one_in(8) {
            frame = frame.truncate(SHORTEST + self.random.below(len + 16));
        }
        frame
    }

    /// A packet that is not IP, or that only claims to be IP.
    fn another(&mut self) -> Packet {
        // LLDP, MACsec, MPLS, PPPoE, a length of IEEE 802.3.
        let any = self.random.word();
        let kind = self.random.pick(&[ARP, 0x88cc, 0x88e5, 0x8847, 0x8864, 46, IPV4, IPV6, any]);
        let len = self.random.below(60);
        Packet::raw(kind, self.random.bytes(len))
    }

    fn ipv4(&mut self) -> Ipv4 {
        let (source, words) =
            (self.sources.v4(&mut self.random), self.random.pick(&[0, 0, 0, 0, 0, 1, 2, 5, 9, 10]));
        let mut packet = Ipv4::new(source, [192, 0, 2, 25]).options(&self.random.bytes(4 * words));
        packet = packet.traffic_class(self.random.byte());
        if self.random.one_in(6) {
            packet = packet.fragment(self.offset(), self.random.one_in(2));
        }
        let segment = self.segment();
        if let Some(len) = self.length(20 + 4 * words + segment.bytes.len()) {
            packet = packet.total_length(len);
        }
        if self.random.one_in(16) {
            packet = packet.ihl(self.random.byte() & 0xf);
        }
        if self.random.one_in(30) {
            packet = packet.protocol(self.protocol());
        }
        if self.random.one_in(50) {
            packet = packet.version(self.random.byte() & 0xf);
        }
        packet.carrying(segment)
    }

    fn ipv6(&mut self) -> Ipv6 {
        let source = self.sources.v6(&mut self.random);
        let mut packet = Ipv6::new(source, [0x2001, 0xdb8, 0, 25, 0, 0, 0, 25]);
        packet = packet.traffic_class(self.random.byte());
        let count = self.random.pick(&[0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 4, 5, 6, 7, 7, 8, 9]);
        for position in 0..count {
            packet = packet.extension(self.extension(position));
        }
        let segment = self.segment();
        // Each extension counts with its shortest length. The result is to be near the true length, and
        // mostly wrong.
        if let Some(len) = self.length(8 * count + segment.bytes.len()) {
            packet = packet.payload_length(len);
        }
        if self.random.one_in(30) {
            packet = packet.last_header(self.protocol());
        }
        if self.random.one_in(50) {
            packet = packet.version(self.random.byte() & 0xf);
        }
        packet.carrying(segment)
    }

    /// An extension header of any kind. Hop-by-hop options are mostly where they belong.
    fn extension(&mut self, position: usize) -> Extension {
        let is_longest = self.random.one_in(if self.size == Size::Jumbo { 2 } else { 200 });
        let units = if is_longest { 255 } else { self.random.pick(&[0, 0, 0, 1, 2, 3]) };
        let extension = match self.random.below(12) {
            0 if position == 0 || self.random.one_in(4) => Extension::hop_by_hop(units),
            0..=3 => Extension::destination(units),
            4..=6 => Extension::routing(units),
            7 | 8 => Extension::fragment(self.offset(), self.random.one_in(2)),
            9 | 10 => Extension::authentication(units.min(254)),
            // Mobility, host identity, Shim6, and numbers that are not extension headers.
            _ => Extension::padded(self.random.pick(&[135, 139, 140, 59, 50, 17]), units),
        };
        if self.random.one_in(25) {
            extension.length_field(self.random.pick(&[0, 0, 1, 2, 9, 255]))
        } else {
            extension
        }
    }

    /// The offset of a fragment in units of eight bytes, most often that of a first fragment.
    fn offset(&mut self) -> u16 {
        let any = self.random.word() & 0x1fff;
        self.random.pick(&[0, 0, 0, 1, 185, 8191, any])
    }

    /// The length that a length field states instead of `right`; `None` if the field does not lie.
    fn length(&mut self, right: usize) -> Option<u16> {
        if self.size == Size::Batch {
            return (!self.random.one_in(4)).then_some(0);
        }
        if !self.random.one_in(10) {
            return None;
        }
        let right = u16::try_from(right).expect("not a batch");
        Some(match self.random.below(4) {
            0 => self.random.word() % (right + 1),
            1 => self.random.word(),
            2 => self.random.pick(&[right.saturating_sub(1), right + 1]),
            _ => self.random.pick(&[0, 1, 8, 19, 20, 40, u16::MAX]),
        })
    }

    /// The payload of a packet: mostly TCP to a port that matters.
    fn segment(&mut self) -> Segment {
        match self.random.below(16) {
            0..=11 => self.tcp().into(),
            12 => Udp::new(self.random.word(), self.port()).into(),
            13 => Segment::ping(),
            14 => {
                let (protocol, len) = (self.protocol(), self.random.below(40));
                Segment::raw(protocol, self.random.bytes(len))
            }
            _ => {
                // An authentication header of 24 bytes as payload: under IPv4 it is not an extension.
                let header = [6, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
                let tcp = Segment::from(self.tcp());
                Segment::raw(AUTHENTICATION, [&header[..], &tcp.bytes].concat())
            }
        }
    }

    fn tcp(&mut self) -> Tcp {
        let flags = if self.random.one_in(2) { Tcp::SYN } else { self.random.byte() };
        let mut tcp = Tcp::new(self.random.word(), self.port()).flags(flags);
        let words = self.random.pick(&[0, 0, 0, 1, 3, 5, 10]);
        tcp = tcp.options(&self.random.bytes(4 * words));
        if self.random.one_in(12) {
            tcp = tcp.data_offset(self.random.byte() & 0xf);
        }
        let data = match self.size {
            Size::Jumbo => self.random.pick(&[0, 0, 1400, 4000, 9000, 30_000]),
            Size::Usual | Size::Batch if self.random.one_in(50) => 1400,
            Size::Usual | Size::Batch => self.random.pick(&[0, 0, 1, 7, 32]),
        };
        tcp.payload(vec![b'x'; data])
    }

    fn port(&mut self) -> u16 {
        let port = self.random.pick(&self.ports);
        match self.random.below(10) {
            0..=5 => port,
            6 => port.wrapping_add(1),
            7 => port.wrapping_sub(1),
            8 => port.swap_bytes(),
            _ => self.random.word(),
        }
    }

    fn protocol(&mut self) -> u8 {
        if self.random.one_in(16) { self.random.byte() } else { self.random.pick(&PROTOCOLS) }
    }
}
