//! Odd frames. Most of them are not a well-formed segment to port 25.

use super::{Case, Expected, HOST_V4, HOST_V6, SMTP, SOURCE_V4, SOURCE_V6, hidden};
use crate::frame::{ARP, DOT1AD, DOT1Q, Extension, Frame, IPV4, IPV6, Ipv4, Ipv6, Packet, Segment, Tcp, Udp};

pub(super) fn cases() -> Vec<Case> {
    let hidden = hidden::all(SOURCE_V4, SOURCE_V6);
    let hidden = hidden.iter().map(|hidden| Case::other(hidden.name, &hidden.frame, hidden.class));
    [link_layer(), ipv4(), ipv6(), tcp(), fragments(), hidden.collect()].concat()
}

fn v4() -> Ipv4 {
    Ipv4::new(SOURCE_V4, HOST_V4).carrying(syn())
}

fn v6() -> Ipv6 {
    Ipv6::new(SOURCE_V6, HOST_V6).carrying(syn())
}

fn syn() -> Tcp {
    Tcp::new(40_000, SMTP).syn()
}

/// A frame that is `more` bytes longer than the 65535 bytes of IPv4 that a total length can state.
fn big(packet: &Ipv4, more: usize) -> Frame {
    Frame::new(packet.clone()).pad(14 + 65_535 + more)
}

fn smtp_v4(name: &str, frame: &Frame) -> Case {
    Case::new(name, frame, Expected::Smtp { source: SOURCE_V4.into(), opens: true })
}

fn smtp_v6(name: &str, frame: &Frame) -> Case {
    Case::new(name, frame, Expected::Smtp { source: SOURCE_V6.into(), opens: true })
}

fn odd(name: &str, packet: impl Into<Packet>, class: &'static str) -> Case {
    Case::other(name, &Frame::new(packet), class)
}

fn link_layer() -> Vec<Case> {
    let three = || Frame::new(v4()).tag(DOT1AD, 1).tag(DOT1Q, 2);
    vec![
        odd("ARP", Packet::raw(ARP, [0; 28]), "not_ip"),
        odd("ARP's EtherType and nothing behind it", Packet::raw(ARP, []), "not_ip"),
        odd("MACsec", Packet::raw(0x88e5, []), "not_ip"),
        odd("LLDP", Packet::raw(0x88cc, [0; 46]), "not_ip"),
        odd("IEEE 802.3 length", Packet::raw(46, [0; 46]), "not_ip"),
        odd("MPLS", Packet::raw(0x8847, [0; 46]), "not_ip"),
        Case::other("QinQ's old tag 0x9100", &Frame::new(v4()).tag(0x9100, 1), "not_ip"),
        odd("PPPoE session", Packet::raw(0x8864, [0x11; 60]), "not_ip"),
        Case::other("ARP in a VLAN", &Frame::new(Packet::raw(ARP, [0; 28])).tag(DOT1Q, 5), "not_ip"),
        Case::other("three tags", &three().tag(DOT1Q, 3), "too_many_headers"),
        Case::other("three tags, the third 802.1ad", &three().tag(DOT1AD, 3), "too_many_headers"),
        odd("a tag and nothing behind it", Packet::raw(DOT1Q, []), "malformed"),
        odd("a cut second tag", Packet::raw(DOT1AD, [0, 1, 0x81, 0, 0]), "malformed"),
        odd("IPv4's EtherType and nothing behind it", Packet::raw(IPV4, []), "malformed"),
        odd("IPv6's EtherType and nothing behind it", Packet::raw(IPV6, []), "malformed"),
        smtp_v4("padded to 60 bytes", &Frame::new(v4()).pad(60)),
        smtp_v4("padded to 1514 bytes", &Frame::new(v4()).pad(1514)),
    ]
}

fn ipv4() -> Vec<Case> {
    let total = 40;
    let ping = Ipv4::new(SOURCE_V4, HOST_V4).carrying(Segment::ping());
    let udp = Ipv4::new(SOURCE_V4, HOST_V4).carrying(Udp::new(SMTP, SMTP));
    let icmp = Ipv4::new(SOURCE_V4, HOST_V4).carrying(Segment::raw(1, []));
    // Over IPv4 an authentication header is an upper layer, although a segment follows it (RFC 4302).
    let authenticated = [&[6, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &Segment::from(syn()).bytes[..]].concat();
    let authenticated = Ipv4::new(SOURCE_V4, HOST_V4).carrying(Segment::raw(51, authenticated));
    vec![
        odd("ping", ping, "not_tcp"),
        odd("ICMP without a header", icmp, "not_tcp"),
        odd("an authentication header over IPv4", authenticated, "not_tcp"),
        odd("UDP to port 25", udp, "not_tcp"),
        odd("ESP", v4().protocol(50), "not_tcp"),
        odd("IPv4 in IPv4", v4().protocol(4), "not_tcp"),
        odd("version 6 under IPv4's EtherType", v4().version(6), "malformed"),
        odd("version 0", v4().version(0), "malformed"),
        odd("IPv4 header of 4 words", v4().ihl(4), "malformed"),
        odd("IPv4 header of no words", v4().ihl(0), "malformed"),
        odd("IPv4 header longer than the packet", v4().ihl(15), "malformed"),
        odd("total length one more than the frame", v4().total_length(total + 1), "malformed"),
        odd("total length of 65535", v4().total_length(u16::MAX), "malformed"),
        odd("total length below the header", v4().total_length(19), "malformed"),
        odd("ports only in the padding", v4().total_length(20), "malformed"),
        odd("TCP header half in the padding", v4().total_length(30), "malformed"),
        odd("total length 0 in a short frame", v4().total_length(0), "malformed"),
        Case::other(
            "total length 0 in a frame of 65535 bytes of IPv4",
            &big(&v4().total_length(0), 0),
            "malformed",
        ),
        smtp_v4("total length 0, and one byte more than it could state", &big(&v4().total_length(0), 1)),
    ]
}

fn ipv6() -> Vec<Case> {
    let chain = |count: usize| vec![Extension::destination(0); count];
    let lying = |extension: Extension| Frame::new(v6().extension(extension));
    vec![
        odd("ICMPv6", v6().last_header(58), "not_tcp"),
        odd("no next header", v6().last_header(59), "not_tcp"),
        odd("ESP over IPv6", v6().last_header(50), "not_tcp"),
        odd("mobility header", v6().last_header(135), "not_tcp"),
        odd("UDP behind extensions", v6().extensions(chain(3)).last_header(17), "not_tcp"),
        odd("UDP behind seven", v6().extensions(chain(7)).last_header(17), "not_tcp"),
        odd("version 4 under IPv6's EtherType", v6().version(4), "malformed"),
        odd("payload length one more than the frame", v6().payload_length(21), "malformed"),
        odd("payload length of 65535", v6().payload_length(u16::MAX), "malformed"),
        odd("payload length below TCP's header", v6().payload_length(19), "malformed"),
        odd("payload length 0 in a short frame", v6().payload_length(0), "malformed"),
        smtp_v6(
            "payload length 0, and more than it could state",
            &Frame::new(v6().payload_length(0)).pad(65_590),
        ),
        odd(
            "a fragment header in the padding",
            v6().extension(Extension::fragment(3, false)).payload_length(1),
            "malformed",
        ),
        smtp_v6("seven extension headers", &Frame::new(v6().extensions(chain(7)))),
        odd("eight extension headers", v6().extensions(chain(8)), "too_many_headers"),
        odd("eight of 2048 bytes", v6().extensions(vec![Extension::routing(255); 8]), "too_many_headers"),
        smtp_v6("seven of 2048 bytes", &Frame::new(v6().extensions(vec![Extension::routing(255); 7]))),
        odd("thirty extension headers", v6().extensions(chain(30)), "too_many_headers"),
        Case::other(
            "an extension that ends behind the packet",
            &lying(Extension::destination(0).length_field(9)),
            "malformed",
        ),
        Case::other("authentication header", &lying(Extension::authentication(3)), "not_tcp"),
        // Once read as an extension of 8 bytes, shorter than its own fixed fields (RFC 4302, 2.2).
        Case::other("an authentication header of 8 bytes", &lying(Extension::raw(51, [0; 8])), "not_tcp"),
        Case::other(
            "an authentication header that ends behind the packet",
            &lying(Extension::authentication(0).length_field(200)),
            "not_tcp",
        ),
        odd(
            "an authentication header behind seven headers",
            v6().extensions(chain(7)).extension(Extension::authentication(3)),
            "not_tcp",
        ),
        odd(
            "hop-by-hop options not first",
            v6().extensions([Extension::destination(0), Extension::hop_by_hop(0)]),
            "malformed",
        ),
    ]
}

fn tcp() -> Vec<Case> {
    let mut cases = Vec::new();
    let offsets: [(&str, Tcp, &str); 4] = [
        ("TCP data offset 0", syn().data_offset(0), "malformed"),
        ("TCP data offset 4", syn().data_offset(4), "malformed"),
        ("TCP data offset behind the packet", syn().data_offset(6), "malformed"),
        ("TCP data offset 15 with 8 bytes of data", syn().data_offset(15).payload([0; 8]), "malformed"),
    ];
    for (name, tcp, reason) in offsets {
        let v4 = Frame::new(Ipv4::new(SOURCE_V4, HOST_V4).carrying(tcp.clone()));
        cases.push(Case::other(format!("IPv4, {name}"), &v4, reason));
        let v6 = Frame::new(Ipv6::new(SOURCE_V6, HOST_V6).carrying(tcp));
        cases.push(Case::other(format!("IPv6, {name}"), &v6, reason));
    }
    cases.push(odd("TCP and nothing", Ipv4::new(SOURCE_V4, HOST_V4), "malformed"));
    cases
}

fn fragments() -> Vec<Case> {
    let later = |extension| Frame::new(v6().extension(extension));
    let udp = Ipv4::new(SOURCE_V4, HOST_V4).carrying(Udp::new(SMTP, SMTP));
    vec![
        smtp_v4("IPv4, first fragment", &Frame::new(v4().fragment(0, true))),
        odd("IPv4, second fragment", v4().fragment(1, true), "later_fragment"),
        odd("IPv4, last fragment", v4().fragment(8191, false), "later_fragment"),
        odd("IPv4, later fragment of UDP", udp.fragment(185, false), "not_tcp"),
        smtp_v6("IPv6, first fragment", &later(Extension::fragment(0, true))),
        smtp_v6("IPv6, atomic fragment", &later(Extension::fragment(0, false))),
        Case::other("IPv6, second fragment", &later(Extension::fragment(1, true)), "later_fragment"),
        Case::other("IPv6, last fragment", &later(Extension::fragment(8191, false)), "later_fragment"),
        odd(
            "IPv6, later fragment that begins in an extension",
            v6().extensions([Extension::fragment(3, false), Extension::destination(0)]),
            "later_fragment",
        ),
        // The destination options began in the first fragment, and are not looked for here (RFC 8200, 4.5).
        odd(
            "IPv6, later fragment of nothing",
            Ipv6::new(SOURCE_V6, HOST_V6).extension(Extension::fragment(3, true)).last_header(60),
            "later_fragment",
        ),
        odd(
            "IPv6, later fragment of UDP",
            v6().extension(Extension::fragment(1, true)).last_header(17),
            "not_tcp",
        ),
    ]
}
