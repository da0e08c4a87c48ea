//! The payload of an IP packet: TCP, UDP, or any bytes under any protocol number.

use etherparse::{IpNumber, TcpHeader, UdpHeader};

/// Bytes under a protocol number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Protocol number (IPv4) or next header (IPv6).
    pub protocol: u8,
    /// Header and payload.
    pub bytes: Vec<u8>,
    /// The offset of the checksum over the pseudo header, if there is one to fill in.
    pub checksum_at: Option<usize>,
}

impl Segment {
    /// Any bytes without a checksum; also usable as the inside of a later fragment.
    pub fn raw(protocol: u8, bytes: impl Into<Vec<u8>>) -> Self {
        Self { protocol, bytes: bytes.into(), checksum_at: None }
    }

    /// An ICMP echo request (IPv4).
    pub fn ping() -> Self {
        Self::raw(IpNumber::ICMP.0, [8, 0, 0xf7, 0xff, 0, 0, 0, 0])
    }

    /// Sets the checksum field to the right value for this sum of the pseudo header.
    pub(super) fn fill_checksum(&mut self, pseudo: etherparse::checksum::Sum16BitWords) {
        let Some(at) = self.checksum_at else { return };
        let sum = pseudo.add_slice(&self.bytes).to_ones_complement_with_no_zero();
        if let Some(field) = self.bytes.get_mut(at..at + 2) {
            // The library sums in the machine's byte order.
            field.copy_from_slice(&sum.to_ne_bytes());
        }
    }
}

/// A TCP segment.
#[derive(Clone, Debug)]
#[must_use]
pub struct Tcp {
    header: TcpHeader,
    flags: u8,
    data_offset: Option<u8>,
    payload: Vec<u8>,
}

impl Tcp {
    /// Opens a connection.
    pub const SYN: u8 = 2;
    /// Rejects or breaks a connection.
    pub const RST: u8 = 4;
    /// The acknowledgement number is valid.
    pub const ACK: u8 = 16;

    /// A segment of an established connection without data (ACK alone).
    pub fn new(source_port: u16, destination_port: u16) -> Self {
        let header = TcpHeader::new(source_port, destination_port, 1, 0xffff);
        Self { header, flags: Self::ACK, data_offset: None, payload: Vec::new() }
    }

    /// Sets exactly these flags.
    pub fn flags(mut self, flags: u8) -> Self {
        self.flags = flags;
        self
    }

    /// Makes it the first segment of a connection: SYN alone.
    pub fn syn(self) -> Self {
        self.flags(Self::SYN)
    }

    /// Sets the header options, padded to a multiple of four; at most 40 bytes.
    pub fn options(mut self, options: &[u8]) -> Self {
        self.header.set_options_raw(options).expect("at most 40 bytes of TCP options");
        self
    }

    /// Sets a data offset (in words of four bytes) other than the true one.
    pub fn data_offset(mut self, words: u8) -> Self {
        self.data_offset = Some(words);
        self
    }

    /// Sets the data.
    pub fn payload(mut self, payload: impl Into<Vec<u8>>) -> Self {
        self.payload = payload.into();
        self
    }
}

impl From<Tcp> for Segment {
    fn from(tcp: Tcp) -> Self {
        let mut bytes = tcp.header.to_bytes().to_vec();
        bytes[12] = tcp.data_offset.unwrap_or(tcp.header.data_offset()) << 4;
        bytes[13] = tcp.flags;
        bytes.extend(tcp.payload);
        Self { protocol: IpNumber::TCP.0, bytes, checksum_at: Some(16) }
    }
}

/// A UDP datagram.
#[derive(Clone, Debug)]
#[must_use]
pub struct Udp {
    source_port: u16,
    destination_port: u16,
    payload: Vec<u8>,
}

impl Udp {
    /// An empty datagram.
    pub fn new(source_port: u16, destination_port: u16) -> Self {
        Self { source_port, destination_port, payload: Vec::new() }
    }

    /// Sets the data.
    pub fn payload(mut self, payload: impl Into<Vec<u8>>) -> Self {
        self.payload = payload.into();
        self
    }
}

impl From<Udp> for Segment {
    fn from(Udp { source_port, destination_port, payload }: Udp) -> Self {
        let length = u16::try_from(8 + payload.len()).expect("a datagram under 64 KiB");
        let header = UdpHeader { source_port, destination_port, length, checksum: 0 };
        let bytes = [&header.to_bytes()[..], &payload].concat();
        Self { protocol: IpNumber::UDP.0, bytes, checksum_at: Some(6) }
    }
}
