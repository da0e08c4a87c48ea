//! IPv6 headers and chains of extension headers.

use std::net::Ipv6Addr;

use etherparse::{IpNumber, Ipv6Header, checksum::Sum16BitWords};

use super::{IPV6, Packet, Segment};

/// An extension header. Its first byte, the next header, is filled in from the header that follows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Extension {
    kind: u8,
    bytes: Vec<u8>,
}

impl Extension {
    /// Any bytes as an extension header of any kind. The first byte is replaced.
    pub fn raw(kind: u8, bytes: impl Into<Vec<u8>>) -> Self {
        Self { kind, bytes: bytes.into() }
    }

    /// A header whose length field counts eight-byte units beyond the first (RFC 8200), filled by one `PadN`
    /// option.
    pub fn padded(kind: u8, units: u8) -> Self {
        let mut bytes = vec![0; 8 * (usize::from(units) + 1)];
        bytes[1] = units;
        bytes[2] = 1;
        // The option length of a long header does not fit in its byte. No code here reads it.
        bytes[3] = u8::try_from(bytes.len() - 4).unwrap_or(u8::MAX);
        Self { kind, bytes }
    }

    /// Hop-by-hop options (0), `units` eight-byte units beyond the first.
    pub fn hop_by_hop(units: u8) -> Self {
        Self::padded(IpNumber::IPV6_HEADER_HOP_BY_HOP.0, units)
    }

    /// Destination options (60).
    pub fn destination(units: u8) -> Self {
        Self::padded(IpNumber::IPV6_DESTINATION_OPTIONS.0, units)
    }

    /// Routing header (43), type 253 (experimental), no segments left.
    pub fn routing(units: u8) -> Self {
        let mut routing = Self::padded(IpNumber::IPV6_ROUTE_HEADER.0, units);
        routing.bytes[2] = 253;
        routing.bytes[3] = 0;
        routing
    }

    /// Fragment header (44). `offset` is in units of eight bytes (13 bits); `more` is true if more fragments
    /// follow.
    pub fn fragment(offset: u16, more: bool) -> Self {
        let field = (offset << 3 | u16::from(more)).to_be_bytes();
        Self::raw(IpNumber::IPV6_FRAGMENTATION_HEADER.0, [0, 0, field[0], field[1], 0, 0, 0x0d, 0x36])
    }

    /// Authentication header (51) with `words` four-byte words of check value. Its length field counts
    /// four-byte words less two (RFC 4302).
    pub fn authentication(words: u8) -> Self {
        let mut bytes = vec![0; 12 + 4 * usize::from(words)];
        bytes[1] = words + 1;
        bytes[7] = 1;
        bytes[11] = 1;
        Self::raw(IpNumber::AUTHENTICATION_HEADER.0, bytes)
    }

    /// Sets the length field (second byte) to another value.
    pub fn length_field(mut self, value: u8) -> Self {
        self.bytes[1] = value;
        self
    }
}

/// An IPv6 packet. Lengths, next headers and checksum are right unless a method sets other values.
#[derive(Clone, Debug)]
#[must_use]
pub struct Ipv6 {
    header: Ipv6Header,
    extensions: Vec<Extension>,
    segment: Segment,
    version: u8,
    payload_length: Option<u16>,
    last_header: Option<u8>,
}

impl Ipv6 {
    /// A packet without payload.
    pub fn new(source: impl Into<Ipv6Addr>, destination: impl Into<Ipv6Addr>) -> Self {
        let header = Ipv6Header {
            source: source.into().octets(),
            destination: destination.into().octets(),
            hop_limit: 64,
            ..Ipv6Header::default()
        };
        let segment = Segment::raw(IpNumber::IPV6_NO_NEXT_HEADER.0, []);
        Self { header, extensions: Vec::new(), segment, version: 6, payload_length: None, last_header: None }
    }

    /// Sets the payload.
    pub fn carrying(mut self, segment: impl Into<Segment>) -> Self {
        self.segment = segment.into();
        self
    }

    /// Adds an extension header behind the present ones.
    pub fn extension(mut self, extension: Extension) -> Self {
        self.extensions.push(extension);
        self
    }

    /// Adds extension headers behind the present ones.
    pub fn extensions(mut self, extensions: impl IntoIterator<Item = Extension>) -> Self {
        self.extensions.extend(extensions);
        self
    }

    /// Sets the traffic class: differentiated services and congestion bits.
    pub fn traffic_class(mut self, value: u8) -> Self {
        self.header.traffic_class = value;
        self
    }

    /// Sets a version other than 6.
    pub fn version(mut self, version: u8) -> Self {
        self.version = version;
        self
    }

    /// Sets a payload length other than the true one.
    pub fn payload_length(mut self, length: u16) -> Self {
        self.payload_length = Some(length);
        self
    }

    /// Announces the payload by another number than its own.
    pub fn last_header(mut self, number: u8) -> Self {
        self.last_header = Some(number);
        self
    }
}

impl From<Ipv6> for Packet {
    fn from(
        Ipv6 { mut header, extensions, mut segment, version, payload_length, last_header }: Ipv6,
    ) -> Self {
        let pseudo = Sum16BitWords::new()
            .add_16bytes(header.source)
            .add_16bytes(header.destination)
            .add_4bytes(u32::try_from(segment.bytes.len()).expect("under 4 GiB").to_be_bytes())
            .add_2bytes([0, segment.protocol]);
        segment.fill_checksum(pseudo);

        let last = last_header.unwrap_or(segment.protocol);
        let kinds: Vec<u8> = extensions.iter().map(|extension| extension.kind).chain([last]).collect();
        let chain: Vec<u8> = extensions
            .into_iter()
            .zip(&kinds[1..])
            .flat_map(|(mut extension, next)| {
                extension.bytes[0] = *next;
                extension.bytes
            })
            .chain(segment.bytes)
            .collect();

        header.next_header = IpNumber(kinds[0]);
        let length = || u16::try_from(chain.len()).expect("under 64 KiB");
        header.payload_length = payload_length.unwrap_or_else(length);
        let mut bytes = header.to_bytes().to_vec();
        bytes[0] = version << 4 | bytes[0] & 0xf;
        bytes.extend(chain);
        Self { ethertype: IPV6, bytes }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use etherparse::{IpNumber, Ipv6FragmentHeader, Ipv6Slice, TcpSlice};

    use super::{Extension, Ipv6};
    use crate::frame::{Packet, Tcp};

    const SOURCE: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
    const DESTINATION: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);

    #[test]
    fn a_chain_of_headers_leads_to_tcp() {
        let packet = Packet::from(
            Ipv6::new(SOURCE, DESTINATION)
                .extensions([
                    Extension::hop_by_hop(0),
                    Extension::destination(2),
                    Extension::routing(1),
                    Extension::fragment(0, true),
                    Extension::authentication(3),
                    Extension::destination(0),
                ])
                .carrying(Tcp::new(1, 25).payload(*b"data!")),
        );
        assert_eq!(packet.bytes.len(), 40 + 8 + 24 + 16 + 8 + 24 + 8 + 25);
        // The library stops reading at a fragment that is not a whole packet.
        let whole = packet.bytes.iter().position(|byte| *byte == IpNumber::IPV6_FRAGMENTATION_HEADER.0);
        assert_eq!(whole, Some(40 + 8 + 24));
        let (fragment, _) = Ipv6FragmentHeader::from_slice(&packet.bytes[88..]).unwrap();
        assert_eq!((fragment.fragment_offset.value(), fragment.more_fragments), (0, true));

        let sliced = Ipv6Slice::from_slice(&packet.bytes).unwrap();
        assert_eq!(sliced.payload().ip_number, IpNumber::TCP);
        let tcp = TcpSlice::from_slice(sliced.payload().payload).unwrap();
        let right = tcp.calc_checksum_ipv6(SOURCE.octets(), DESTINATION.octets()).unwrap();
        assert_eq!((tcp.destination_port(), tcp.checksum()), (25, right));
    }

    #[test]
    fn fields_lie_on_request() {
        let packet = Packet::from(
            Ipv6::new(SOURCE, DESTINATION)
                .extension(Extension::hop_by_hop(0).length_field(255))
                .carrying(Tcp::new(1, 25))
                .last_header(59)
                .payload_length(1)
                .version(4),
        );
        assert_eq!((packet.bytes[0] >> 4, &packet.bytes[4..7]), (4, &[0, 1, 0][..]));
        assert_eq!(&packet.bytes[40..42], &[59, 255]);
    }
}
