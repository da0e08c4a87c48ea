//! IPv4 headers of any length, with fragment fields and with fields that lie.

use std::net::Ipv4Addr;

use etherparse::{IpFragOffset, IpNumber, Ipv4Header, checksum::Sum16BitWords};

use super::{IPV4, Packet, Segment};

/// An IPv4 packet. Lengths, protocol and checksum are right unless a method sets other values.
#[derive(Clone, Debug)]
#[must_use]
pub struct Ipv4 {
    header: Ipv4Header,
    segment: Segment,
    version: u8,
    ihl: Option<u8>,
    total_length: Option<u16>,
    protocol: Option<u8>,
}

impl Ipv4 {
    /// A packet without payload.
    pub fn new(source: impl Into<Ipv4Addr>, destination: impl Into<Ipv4Addr>) -> Self {
        let (source, destination) = (source.into().octets(), destination.into().octets());
        let header =
            Ipv4Header::new(0, 64, IpNumber::TCP, source, destination).expect("an empty payload fits");
        let segment = Segment::raw(IpNumber::TCP.0, []);
        Self { header, segment, version: 4, ihl: None, total_length: None, protocol: None }
    }

    /// Sets the payload.
    pub fn carrying(mut self, segment: impl Into<Segment>) -> Self {
        self.segment = segment.into();
        self
    }

    /// Sets the header options: 0 to 40 bytes, a multiple of four.
    pub fn options(mut self, options: &[u8]) -> Self {
        self.header.options = options.try_into().expect("a multiple of four up to 40 bytes");
        self
    }

    /// Makes it a fragment. `offset` is in units of eight bytes (13 bits); `more` is true if more fragments
    /// follow.
    pub fn fragment(mut self, offset: u16, more: bool) -> Self {
        self.header.fragment_offset = IpFragOffset::try_new(offset).expect("13 bits");
        (self.header.more_fragments, self.header.dont_fragment) = (more, false);
        self.header.identification = 0x0d36;
        self
    }

    /// Sets differentiated services and congestion bits: the second byte of the header.
    pub fn traffic_class(mut self, value: u8) -> Self {
        self.header.dscp = (value >> 2).try_into().expect("6 bits");
        self.header.ecn = (value & 3).try_into().expect("2 bits");
        self
    }

    /// Sets a version other than 4.
    pub fn version(mut self, version: u8) -> Self {
        self.version = version;
        self
    }

    /// Sets a header length (in words of four bytes) other than the true one.
    pub fn ihl(mut self, words: u8) -> Self {
        self.ihl = Some(words);
        self
    }

    /// Sets a total length other than the true one.
    pub fn total_length(mut self, length: u16) -> Self {
        self.total_length = Some(length);
        self
    }

    /// Sets a protocol number other than that of the payload.
    pub fn protocol(mut self, protocol: u8) -> Self {
        self.protocol = Some(protocol);
        self
    }
}

impl From<Ipv4> for Packet {
    fn from(Ipv4 { mut header, mut segment, version, ihl, total_length, protocol }: Ipv4) -> Self {
        let pseudo = Sum16BitWords::new()
            .add_4bytes(header.source)
            .add_4bytes(header.destination)
            .add_2bytes([0, segment.protocol])
            .add_2bytes(u16::try_from(segment.bytes.len()).expect("under 64 KiB").to_be_bytes());
        segment.fill_checksum(pseudo);
        header.set_payload_len(segment.bytes.len()).expect("under 64 KiB");
        header.total_len = total_length.unwrap_or(header.total_len);
        header.protocol = IpNumber(protocol.unwrap_or(segment.protocol));

        let mut bytes = header.to_bytes().to_vec();
        bytes[0] = version << 4 | ihl.unwrap_or(header.ihl()) & 0xf;
        bytes[10..12].fill(0);
        let checksum = Sum16BitWords::new().add_slice(&bytes).ones_complement();
        bytes[10..12].copy_from_slice(&checksum.to_ne_bytes());
        bytes.extend(segment.bytes);
        Self { ethertype: IPV4, bytes }
    }
}

#[cfg(test)]
mod tests {
    use etherparse::{Ipv4Header, TcpSlice, UdpSlice};

    use super::Ipv4;
    use crate::frame::{Packet, Segment, Tcp, Udp};

    #[test]
    fn plain_packets_have_right_lengths_and_checksums() {
        let packet = |segment: Segment| {
            Packet::from(Ipv4::new([192, 0, 2, 1], [192, 0, 2, 2]).options(&[1; 12]).carrying(segment)).bytes
        };
        let bytes = packet(Tcp::new(1, 25).options(&[2, 4, 5, 0xb4]).payload(*b"odd").into());
        let (header, rest) = Ipv4Header::from_slice(&bytes).unwrap();
        assert_eq!((header.ihl(), usize::from(header.total_len)), (8, bytes.len()));
        assert_eq!(header.header_checksum, header.calc_header_checksum());
        let tcp = TcpSlice::from_slice(rest).unwrap();
        assert_eq!((tcp.data_offset(), tcp.payload()), (6, &b"odd"[..]));
        assert_eq!(tcp.checksum(), tcp.calc_checksum_ipv4(header.source, header.destination).unwrap());
        let bytes = packet(Udp::new(9, 25).payload([7]).into());
        let udp = UdpSlice::from_slice(&bytes[32..]).unwrap();
        let right = udp.to_header().calc_checksum_ipv4_raw(header.source, header.destination, udp.payload());
        assert_eq!(udp.checksum(), right.unwrap());
    }

    #[test]
    fn fields_lie_on_request_under_a_right_checksum() {
        let honest = Ipv4::new([192, 0, 2, 1], [192, 0, 2, 2]).carrying(Segment::ping());
        let lying = Packet::from(honest.ihl(15).total_length(9).version(6).protocol(6));
        assert_eq!((lying.bytes[0], &lying.bytes[2..4], lying.bytes[9]), (0x6f, &[0, 9][..], 6));
        let sum = etherparse::checksum::Sum16BitWords::new().add_slice(&lying.bytes[..20]).ones_complement();
        assert_eq!(sum, 0);
    }

    #[test]
    fn fragments_and_traffic_class_stand_in_their_fields() {
        let packet = Packet::from(
            Ipv4::new([192, 0, 2, 1], [192, 0, 2, 2])
                .fragment(185, true)
                .traffic_class(0b0010_0001)
                .carrying(Segment::raw(6, [0; 8])),
        );
        let (header, _) = Ipv4Header::from_slice(&packet.bytes).unwrap();
        assert_eq!((header.fragment_offset.value(), header.more_fragments), (185, true));
        assert_eq!((header.dscp.value(), header.ecn.value()), (8, 1));
    }
}
