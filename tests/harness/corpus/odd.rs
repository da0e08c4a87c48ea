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

fn link_layer() -> Vec<Case> {
    let three = || Frame::new(v4()).tag(DOT1AD, 1).tag(DOT1Q, 2);
    vec![
        Case::other("ARP", &Frame::new(Packet::raw(ARP, [0; 28])), "not_ip"),
        Case::other("LLDP", &Frame::new(Packet::raw(0x88cc, [0; 46])), "not_ip"),
        Case::other("IEEE 802.3 length", &Frame::new(Packet::raw(46, [0; 46])), "not_ip"),
        Case::other("MPLS", &Frame::new(Packet::raw(0x8847, [0; 46])), "not_ip"),
        Case::other("QinQ's old tag 0x9100", &Frame::new(v4()).tag(0x9100, 1), "not_ip"),
        Case::other("PPPoE session", &Frame::new(Packet::raw(0x8864, [0x11; 60])), "not_ip"),
        Case::other("ARP in a VLAN", &Frame::new(Packet::raw(ARP, [0; 28])).tag(DOT1Q, 5), "not_ip"),
        Case::other("three tags", &three().tag(DOT1Q, 3), "too_many_headers"),
        Case::other("three tags, the third 802.1ad", &three().tag(DOT1AD, 3), "too_many_headers"),
        Case::other("a tag and nothing behind it", &Frame::new(Packet::raw(DOT1Q, [])), "malformed"),
        Case::other("a cut second tag", &Frame::new(Packet::raw(DOT1AD, [0, 1, 0x81, 0, 0])), "malformed"),
        Case::other(
            "IPv4's EtherType and nothing behind it",
            &Frame::new(Packet::raw(IPV4, [])),
            "malformed",
        ),
        Case::other(
            "IPv6's EtherType and nothing behind it",
            &Frame::new(Packet::raw(IPV6, [])),
            "malformed",
        ),
        smtp_v4("padded to 60 bytes", &Frame::new(v4()).pad(60)),
        smtp_v4("padded to 1514 bytes", &Frame::new(v4()).pad(1514)),
    ]
}

fn ipv4() -> Vec<Case> {
    let total = 40;
    let ping = Ipv4::new(SOURCE_V4, HOST_V4).carrying(Segment::ping());
    let udp = Ipv4::new(SOURCE_V4, HOST_V4).carrying(Udp::new(SMTP, SMTP));
    vec![
        Case::other("ping", &Frame::new(ping), "not_tcp"),
        Case::other("UDP to port 25", &Frame::new(udp), "not_tcp"),
        Case::other("ESP", &Frame::new(v4().protocol(50)), "not_tcp"),
        Case::other("IPv4 in IPv4", &Frame::new(v4().protocol(4)), "not_tcp"),
        Case::other("version 6 under IPv4's EtherType", &Frame::new(v4().version(6)), "malformed"),
        Case::other("version 0", &Frame::new(v4().version(0)), "malformed"),
        Case::other("IPv4 header of 4 words", &Frame::new(v4().ihl(4)), "malformed"),
        Case::other("IPv4 header of no words", &Frame::new(v4().ihl(0)), "malformed"),
        Case::other("IPv4 header longer than the packet", &Frame::new(v4().ihl(15)), "malformed"),
        Case::other(
            "total length one more than the frame",
            &Frame::new(v4().total_length(total + 1)),
            "malformed",
        ),
        Case::other("total length of 65535", &Frame::new(v4().total_length(u16::MAX)), "malformed"),
        Case::other("total length below the header", &Frame::new(v4().total_length(19)), "malformed"),
        Case::other("ports only in the padding", &Frame::new(v4().total_length(20)), "malformed"),
        Case::other("TCP header half in the padding", &Frame::new(v4().total_length(30)), "malformed"),
        Case::other("total length 0 in a short frame", &Frame::new(v4().total_length(0)), "malformed"),
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
        Case::other("ICMPv6", &Frame::new(v6().last_header(58)), "not_tcp"),
        Case::other("no next header", &Frame::new(v6().last_header(59)), "not_tcp"),
        Case::other("ESP over IPv6", &Frame::new(v6().last_header(50)), "not_tcp"),
        Case::other("mobility header", &Frame::new(v6().last_header(135)), "not_tcp"),
        Case::other(
            "UDP behind extensions",
            &Frame::new(v6().extensions(chain(3)).last_header(17)),
            "not_tcp",
        ),
        Case::other("UDP behind seven", &Frame::new(v6().extensions(chain(7)).last_header(17)), "not_tcp"),
        Case::other("version 4 under IPv6's EtherType", &Frame::new(v6().version(4)), "malformed"),
        Case::other(
            "payload length one more than the frame",
            &Frame::new(v6().payload_length(21)),
            "malformed",
        ),
        Case::other("payload length of 65535", &Frame::new(v6().payload_length(u16::MAX)), "malformed"),
        Case::other("payload length below TCP's header", &Frame::new(v6().payload_length(19)), "malformed"),
        Case::other("payload length 0 in a short frame", &Frame::new(v6().payload_length(0)), "malformed"),
        smtp_v6(
            "payload length 0, and more than it could state",
            &Frame::new(v6().payload_length(0)).pad(65_590),
        ),
        Case::other(
            "a fragment header in the padding",
            &Frame::new(v6().extension(Extension::fragment(3, false)).payload_length(1)),
            "malformed",
        ),
        smtp_v6("seven extension headers", &Frame::new(v6().extensions(chain(7)))),
        Case::other("eight extension headers", &Frame::new(v6().extensions(chain(8))), "too_many_headers"),
        Case::other(
            "eight of 2048 bytes",
            &Frame::new(v6().extensions(vec![Extension::routing(255); 8])),
            "too_many_headers",
        ),
        smtp_v6("seven of 2048 bytes", &Frame::new(v6().extensions(vec![Extension::routing(255); 7]))),
        Case::other("thirty extension headers", &Frame::new(v6().extensions(chain(30))), "too_many_headers"),
        Case::other(
            "an extension that ends behind the packet",
            &lying(Extension::destination(0).length_field(9)),
            "malformed",
        ),
        Case::other("authentication header", &lying(Extension::authentication(3)), "not_tcp"),
        Case::other(
            "an authentication header that ends behind the packet",
            &lying(Extension::authentication(0).length_field(200)),
            "not_tcp",
        ),
        Case::other(
            "an authentication header behind seven headers",
            &Frame::new(v6().extensions(chain(7)).extension(Extension::authentication(3))),
            "not_tcp",
        ),
        Case::other(
            "hop-by-hop options not first",
            &Frame::new(v6().extensions([Extension::destination(0), Extension::hop_by_hop(0)])),
            "malformed",
        ),
    ]
}

fn tcp() -> Vec<Case> {
    let mut cases = Vec::new();
    let odd: [(&str, Tcp, &str); 4] = [
        ("TCP data offset 0", syn().data_offset(0), "malformed"),
        ("TCP data offset 4", syn().data_offset(4), "malformed"),
        ("TCP data offset behind the packet", syn().data_offset(6), "malformed"),
        ("TCP data offset 15 with 8 bytes of data", syn().data_offset(15).payload([0; 8]), "malformed"),
    ];
    for (name, tcp, reason) in odd {
        let v4 = Frame::new(Ipv4::new(SOURCE_V4, HOST_V4).carrying(tcp.clone()));
        cases.push(Case::other(format!("IPv4, {name}"), &v4, reason));
        let v6 = Frame::new(Ipv6::new(SOURCE_V6, HOST_V6).carrying(tcp));
        cases.push(Case::other(format!("IPv6, {name}"), &v6, reason));
    }
    cases.push(Case::other("TCP and nothing", &Frame::new(Ipv4::new(SOURCE_V4, HOST_V4)), "malformed"));
    cases
}

fn fragments() -> Vec<Case> {
    let later = |extension| Frame::new(v6().extension(extension));
    let udp = Ipv4::new(SOURCE_V4, HOST_V4).carrying(Udp::new(SMTP, SMTP));
    vec![
        smtp_v4("IPv4, first fragment", &Frame::new(v4().fragment(0, true))),
        Case::other("IPv4, second fragment", &Frame::new(v4().fragment(1, true)), "later_fragment"),
        Case::other("IPv4, last fragment", &Frame::new(v4().fragment(8191, false)), "later_fragment"),
        Case::other("IPv4, later fragment of UDP", &Frame::new(udp.fragment(185, false)), "not_tcp"),
        smtp_v6("IPv6, first fragment", &later(Extension::fragment(0, true))),
        smtp_v6("IPv6, atomic fragment", &later(Extension::fragment(0, false))),
        Case::other("IPv6, second fragment", &later(Extension::fragment(1, true)), "later_fragment"),
        Case::other("IPv6, last fragment", &later(Extension::fragment(8191, false)), "later_fragment"),
        Case::other(
            "IPv6, later fragment that begins in an extension",
            &Frame::new(v6().extensions([Extension::fragment(3, false), Extension::destination(0)])),
            "later_fragment",
        ),
        Case::other(
            "IPv6, later fragment of UDP",
            &Frame::new(v6().extension(Extension::fragment(1, true)).last_header(17)),
            "not_tcp",
        ),
    ]
}
