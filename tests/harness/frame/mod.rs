//! Frames built in code. They are well-formed by default and odd on request: any stack of VLAN tags, any IPv4
//! header length, any chain of IPv6 extension headers, fragments, lengths that lie, truncation.
//!
//! This module shares no code with the parser under test: etherparse provides header layouts and checksums.
//!
//! ```
//! use d365_tests::frame::{Frame, Ipv4, Tcp};
//!
//! let segment = Tcp::new(40_000, 25).syn();
//! let packet = Ipv4::new([13, 71, 171, 9], [192, 0, 2, 1]).options(&[1; 8]).carrying(segment);
//! let bytes = Frame::new(packet).tag(0x8100, 7).pad(60).bytes();
//! assert_eq!(bytes.len(), 14 + 4 + 28 + 20);
//! ```

mod ipv4;
mod ipv6;
mod segment;

use std::net::IpAddr;

pub use self::{
    ipv4::Ipv4,
    ipv6::{Extension, Ipv6},
    segment::{Segment, Tcp, Udp},
};
use crate::veth::Mac;

/// Ethernet type of IPv4.
pub const IPV4: u16 = 0x0800;
/// Ethernet type of IPv6.
pub const IPV6: u16 = 0x86dd;
/// Ethernet type of ARP.
pub const ARP: u16 = 0x0806;
/// Tag protocol of IEEE 802.1Q.
pub const DOT1Q: u16 = 0x8100;
/// Tag protocol of IEEE 802.1ad.
pub const DOT1AD: u16 = 0x88a8;

/// The payload of an Ethernet frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Its Ethernet type.
    pub ethertype: u16,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Packet {
    /// Any bytes under any Ethernet type.
    pub fn raw(ethertype: u16, bytes: impl Into<Vec<u8>>) -> Self {
        Self { ethertype, bytes: bytes.into() }
    }

    /// A plain IPv4 or IPv6 packet. Both addresses must be of one family.
    pub fn between(source: IpAddr, destination: IpAddr, segment: impl Into<Segment>) -> Self {
        match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                Ipv4::new(source, destination).carrying(segment).into()
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                Ipv6::new(source, destination).carrying(segment).into()
            }
            _ => panic!("{source} and {destination} are of different families"),
        }
    }
}

/// An Ethernet frame under construction.
#[derive(Clone, Debug)]
#[must_use]
pub struct Frame {
    destination: Mac,
    source: Mac,
    tags: Vec<[u16; 2]>,
    ethertype: u16,
    packet: Vec<u8>,
    pad: usize,
    truncate: usize,
}

impl Frame {
    /// An untagged frame from the lab's sender to the lab's host (see [`crate::lab`]).
    pub fn new(packet: impl Into<Packet>) -> Self {
        let Packet { ethertype, bytes } = packet.into();
        Self {
            destination: crate::lab::host_mac(0),
            source: crate::lab::sender_mac(0),
            tags: Vec::new(),
            ethertype,
            packet: bytes,
            pad: 0,
            truncate: usize::MAX,
        }
    }

    /// Sets other hardware addresses.
    pub fn macs(mut self, source: Mac, destination: Mac) -> Self {
        (self.source, self.destination) = (source, destination);
        self
    }

    /// Adds a VLAN tag inside the present ones: tag protocol, and tag control (priority, DEI, VLAN id).
    pub fn tag(mut self, protocol: u16, control: u16) -> Self {
        self.tags.push([protocol, control]);
        self
    }

    /// Announces the packet by another Ethernet type than its own.
    pub fn ethertype(mut self, ethertype: u16) -> Self {
        self.ethertype = ethertype;
        self
    }

    /// Appends zeros up to this length, as a driver does up to 60 bytes.
    pub fn pad(mut self, length: usize) -> Self {
        self.pad = length;
        self
    }

    /// Cuts the frame, padding included, after this many bytes.
    pub fn truncate(mut self, length: usize) -> Self {
        self.truncate = length;
        self
    }

    /// Returns the frame without frame check sequence.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = [self.destination.0, self.source.0].concat();
        for field in self.tags.iter().flatten() {
            bytes.extend(field.to_be_bytes());
        }
        bytes.extend(self.ethertype.to_be_bytes());
        bytes.extend(&self.packet);
        bytes.resize(bytes.len().max(self.pad), 0);
        bytes.truncate(self.truncate);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use etherparse::{EtherType, NetSlice, SlicedPacket, TransportSlice, VlanId, VlanSlice};

    use super::{DOT1AD, DOT1Q, Frame, Packet, Tcp};

    #[test]
    fn tags_stand_in_the_order_given() {
        let packet = Packet::between([192, 0, 2, 1].into(), [192, 0, 2, 2].into(), Tcp::new(1, 25).syn());
        let bytes = Frame::new(packet).tag(DOT1AD, 100).tag(DOT1Q, 7).bytes();
        let sliced = SlicedPacket::from_ethernet(&bytes).unwrap();
        let Some(VlanSlice::DoubleVlan(tags)) = sliced.vlan() else { panic!("two tags: {sliced:?}") };
        assert_eq!(tags.outer.vlan_identifier(), VlanId::try_new(100).unwrap());
        assert_eq!(tags.inner.vlan_identifier(), VlanId::try_new(7).unwrap());
        assert_eq!(tags.inner.ether_type(), EtherType::IPV4);
        let (Some(NetSlice::Ipv4(_)), Some(TransportSlice::Tcp(tcp))) = (sliced.net, sliced.transport) else {
            panic!("TCP over IPv4")
        };
        assert_eq!((tcp.source_port(), tcp.destination_port(), tcp.syn(), tcp.ack()), (1, 25, true, false));
    }

    #[test]
    fn padding_comes_before_truncation() {
        let frame = Frame::new(Packet::raw(0x88cc, [1, 2, 3]));
        assert_eq!(frame.bytes().len(), 17);
        assert_eq!(frame.clone().pad(60).bytes().len(), 60);
        assert_eq!(frame.clone().pad(60).truncate(33).bytes().len(), 33);
        assert!(frame.pad(60).truncate(0).bytes().is_empty());
    }
}
