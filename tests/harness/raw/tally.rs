//! The counts of a sniffer. etherparse reads the frames: this module shares no code with the parser under
//! test.

use std::{collections::BTreeMap, net::IpAddr, ops::AddAssign};

use etherparse::{LaxNetSlice, LaxSlicedPacket, TransportSlice};

/// Packets, bytes from the Ethernet header on, and opened connections (SYN without ACK).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Packets.
    pub packets: u64,
    /// Bytes with Ethernet header and VLAN tags, but without frame check sequence.
    pub bytes: u64,
    /// Segments with SYN and without ACK.
    pub connections: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.connections += other.connections;
    }
}

impl std::iter::Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), |mut sum, tally| {
            sum += tally;
            sum
        })
    }
}

/// The way of a frame over an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Arriving,
    Leaving,
}

/// One received buffer, and the kernel's information on it.
pub(super) struct Received<'a> {
    /// Its way over the interface.
    pub direction: Direction,
    /// The frame from the Ethernet header on, without a VLAN tag that the stack has taken out.
    pub bytes: &'a [u8],
    /// True if the stack has taken out a tag.
    pub tag_taken: bool,
    /// The payload length of each segment, if the stack joined several (GRO) or has not split them yet;
    /// otherwise 0.
    pub segment_size: u16,
}

/// Everything that a sniffer saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sniffed {
    /// TCP, by source address and destination port.
    pub tcp: BTreeMap<(IpAddr, u16), Tally>,
    /// Everything else, including later fragments.
    pub other: Tally,
}

impl Sniffed {
    /// TCP from this source to this port.
    pub fn from(&self, source: IpAddr, port: u16) -> Tally {
        self.tcp.get(&(source, port)).copied().unwrap_or_default()
    }

    /// TCP to this port from all sources for which `include` returns true.
    pub fn to_port(&self, port: u16, include: impl Fn(IpAddr) -> bool) -> Tally {
        let wanted = self.tcp.iter().filter(|((source, to), _)| *to == port && include(*source));
        wanted.map(|(_, tally)| *tally).sum()
    }

    /// The sum of everything.
    pub fn all(&self) -> Tally {
        self.tcp.values().copied().chain([self.other]).sum()
    }

    pub(super) fn add(&mut self, received: &Received<'_>) {
        let tag = if received.tag_taken { 4 } else { 0 };
        let whole = received.bytes.len() + tag;
        let sliced = LaxSlicedPacket::from_ethernet(received.bytes).ok();
        let source = sliced.as_ref().and_then(|sliced| match sliced.net.as_ref()? {
            LaxNetSlice::Ipv4(ip) => Some(IpAddr::from(ip.header().source_addr())),
            LaxNetSlice::Ipv6(ip) => Some(IpAddr::from(ip.header().source_addr())),
            LaxNetSlice::Arp(_) => None,
        });
        let transport = sliced.as_ref().and_then(|sliced| sliced.transport.as_ref());
        let (Some(source), Some(TransportSlice::Tcp(tcp))) = (source, transport) else {
            self.other += Tally { packets: 1, bytes: count(whole), connections: 0 };
            return;
        };
        // Each of the joined segments had its own headers.
        let headers = whole - tcp.payload().len();
        let segments = match usize::from(received.segment_size) {
            0 => 1,
            size => tcp.payload().len().div_ceil(size).max(1),
        };
        *self.tcp.entry((source, tcp.destination_port())).or_default() += Tally {
            packets: count(segments),
            bytes: count(whole + (segments - 1) * headers),
            connections: u64::from(tcp.syn() && !tcp.ack()),
        };
    }
}

fn count(value: usize) -> u64 {
    u64::try_from(value).expect("64 bits hold any length")
}

#[cfg(test)]
mod tests {
    use super::{Direction, Received, Sniffed, Tally};
    use crate::frame::{Frame, Packet, Segment, Tcp};

    fn add(sniffed: &mut Sniffed, frame: &Frame, tag_taken: bool, segment_size: u16) {
        let bytes = &frame.bytes();
        sniffed.add(&Received { direction: Direction::Arriving, bytes, tag_taken, segment_size });
    }

    #[test]
    fn tcp_is_counted_by_source_and_port_and_the_rest_together() {
        let (one, two, host) = ("192.0.2.1", "2001:db8::1", "192.0.2.9");
        let (one, two, host) = (one.parse().unwrap(), two.parse().unwrap(), host.parse().unwrap());
        let mut sniffed = Sniffed::default();
        add(&mut sniffed, &Frame::new(Packet::between(one, host, Tcp::new(9, 25).syn())), false, 0);
        add(&mut sniffed, &Frame::new(Packet::between(one, host, Tcp::new(9, 25))).pad(60), true, 0);
        add(&mut sniffed, &Frame::new(Packet::between(two, two, Tcp::new(9, 26))).tag(0x8100, 5), false, 0);
        add(&mut sniffed, &Frame::new(Packet::between(one, host, Segment::ping())), false, 0);
        add(&mut sniffed, &Frame::new(Packet::raw(0x0806, [0; 28])), false, 0);
        assert_eq!(sniffed.from(one, 25), Tally { packets: 2, bytes: 54 + 64, connections: 1 });
        assert_eq!(sniffed.from(two, 26), Tally { packets: 1, bytes: 78, connections: 0 });
        assert_eq!(sniffed.other, Tally { packets: 2, bytes: 42 + 42, connections: 0 });
        assert_eq!(sniffed.to_port(25, |source| source.is_ipv4()).packets, 2);
        assert_eq!(sniffed.all().packets, 5);
    }

    #[test]
    fn joined_segments_are_counted_apart() {
        let (source, host) = ([192, 0, 2, 1].into(), [192, 0, 2, 9].into());
        let mut sniffed = Sniffed::default();
        let segment = Tcp::new(9, 25).payload(vec![0; 2500]);
        add(&mut sniffed, &Frame::new(Packet::between(source, host, segment)), false, 1000);
        assert_eq!(sniffed.from(source, 25), Tally { packets: 3, bytes: 2500 + 3 * 54, connections: 0 });
    }
}
