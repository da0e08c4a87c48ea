//! The payload of packets: mostly TCP to a port that matters.

use super::{Layers, Size};
use crate::frame::{Segment, Tcp, Udp};

const AUTHENTICATION: u8 = 51;
/// Upper layers and extension headers, IANA "Assigned Internet Protocol Numbers".
const PROTOCOLS: [u8; 16] = [0, 1, 2, 4, 6, 17, 41, 43, 44, 50, AUTHENTICATION, 58, 59, 60, 132, 135];

impl Layers {
    pub(super) fn segment(&mut self) -> Segment {
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

    pub(super) fn protocol(&mut self) -> u8 {
        if self.random.one_in(16) { self.random.byte() } else { self.random.pick(&PROTOCOLS) }
    }
}
