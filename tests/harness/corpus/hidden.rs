//! Packets that hide a TCP header which a receiver may still reassemble. No sender needs such packets (RFC
//! 1858, RFC 3128, RFC 7112).

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{HOST_V4, HOST_V6, SMTP};
use crate::frame::{Extension, Frame, Ipv4, Ipv6, Segment, Tcp};

const TCP: u8 = 6;
const DESTINATION_OPTIONS: u8 = 60;

/// A packet that hides a TCP header.
#[derive(Clone, Debug)]
pub struct Hidden {
    /// Describes how the header is hidden.
    pub name: &'static str,
    /// The frame.
    pub frame: Frame,
    /// The class that the frame is counted in.
    pub class: &'static str,
}

/// All such packets, from these sources.
pub fn all(v4: Ipv4Addr, v6: Ipv6Addr) -> Vec<Hidden> {
    let v4 = |offset, bytes: &[u8]| {
        let segment = Segment::raw(TCP, bytes);
        Frame::new(Ipv4::new(v4, HOST_V4).carrying(segment).fragment(offset, true))
    };
    let first = || Ipv6::new(v6, HOST_V6).extension(Extension::fragment(0, true));
    let v6_tcp = |bytes: &[u8]| Frame::new(first().carrying(Segment::raw(TCP, bytes)));
    let options = Segment::raw(DESTINATION_OPTIONS, [TCP, 3, 1, 4, 0, 0, 0, 0]);
    let chain = |len: usize| vec![Extension::destination(0); len];
    let long = Ipv6::new(v6, HOST_V6).extensions(chain(8)).carrying(Tcp::new(40_000, SMTP).syn());
    // A TCP header of 60 bytes. Its options begin behind the first 20 bytes.
    let whole = Segment::from(Tcp::new(40_000, SMTP).syn().options(&[1; 40])).bytes;
    let hidden = |name, frame, class| Hidden { name, frame, class };
    vec![
        hidden("IPv4, 8 bytes of TCP in the first fragment", v4(0, &whole[..8]), "malformed"),
        hidden("IPv4, TCP options cut off by the first fragment", v4(0, &whole[..24]), "malformed"),
        hidden("IPv4, a fragment that overlaps the TCP header", v4(1, &whole[8..]), "later_fragment"),
        hidden("IPv6, 8 bytes of TCP in the first fragment", v6_tcp(&whole[..8]), "malformed"),
        hidden("IPv6, TCP options cut off by the first fragment", v6_tcp(&whole[..24]), "malformed"),
        hidden("IPv6, no TCP in the first fragment", v6_tcp(&[]), "malformed"),
        hidden(
            "IPv6, a header chain cut off by the first fragment",
            Frame::new(first().carrying(options)),
            "malformed",
        ),
        hidden("IPv6, eight extension headers", Frame::new(long), "too_many_headers"),
    ]
}
