//! The code point: the packets that get it, and that a header stays valid. etherparse reads the headers; it
//! shares no code with the code under test.

use std::{net::Ipv6Addr, time::Duration};

use d365_common::{dscp::Dscp, mark::Mark, packet_action::PacketAction};
use d365_tests::{
    corpus,
    frame::{DOT1AD, DOT1Q, Extension, Frame, Ipv4, Ipv6, Packet, Segment, Tcp, Udp},
    generate::{Frames, LONGEST, SHORTEST},
    require,
};
use d365_user::{kernel::Options, settings::Tags};
use etherparse::{NetSlice, SlicedPacket};

use crate::{
    bpf::XDP_PASS,
    judged::{Judged, action, options, ranges},
    kernel::KernelExt as _,
};

const HOST_V4: [u8; 4] = [198, 18, 0, 25];
const HOST_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xd365, 0, 0, 0, 0, 0x25);

/// A program with these tags, whose lease does not end.
fn tagging(list: &[&str], tags: Tags) -> Judged {
    let mut judged = Judged::by(ranges(list), &Options { tags, ..options() });
    judged.kernel.set_lease(None).unwrap();
    judged
}

fn judged(dscp: u8) -> Judged {
    let tags = Tags { dscp: Some(Dscp::new(dscp).unwrap()), ..Tags::default() };
    tagging(&["192.0.2.0/24", "2001:db8::/32"], tags)
}

/// Returns code point, ECN, and true if the checksum of an IPv4 header is correct.
fn read(frame: &[u8]) -> (u8, u8, bool) {
    let sliced = SlicedPacket::from_ethernet(frame).unwrap();
    match sliced.net.unwrap() {
        NetSlice::Ipv4(ip) => {
            let header = ip.header().to_header();
            (header.dscp.value(), header.ecn.value(), header.calc_header_checksum() == header.header_checksum)
        }
        NetSlice::Ipv6(ip) => {
            let class = ip.header().traffic_class();
            (class >> 2, class & 3, true)
        }
        NetSlice::Arp(_) => panic!("no IP"),
    }
}

/// Makes frames of both families with this traffic class, in the shapes that an edge sees.
fn shapes(listed: bool, class: u8, port: u16) -> Vec<Vec<u8>> {
    let tcp = || Tcp::new(40_000, port).syn().payload(b"EHLO".to_vec());
    let v4 = if listed { [192, 0, 2, 7] } else { [198, 51, 100, 7] };
    let v6: Ipv6Addr = if listed { "2001:db8::7" } else { "2001:db9::7" }.parse().unwrap();
    let packets: [Packet; 3] = [
        Ipv4::new(v4, HOST_V4).traffic_class(class).carrying(tcp()).into(),
        Ipv4::new(v4, HOST_V4).traffic_class(class).options(&[1; 40]).carrying(tcp()).into(),
        Ipv6::new(v6, HOST_V6).traffic_class(class).carrying(tcp()).into(),
    ];
    let shapes = packets.into_iter().flat_map(|packet| {
        let plain = Frame::new(packet);
        [plain.clone(), plain.clone().tag(DOT1Q, 7), plain.tag(DOT1AD, 100).tag(DOT1Q, 7)]
    });
    shapes.map(|frame| frame.bytes()).collect()
}

fn actions(judged: &Judged) -> [u64; 3] {
    [PacketAction::DscpSet, PacketAction::DscpNotSet, PacketAction::DscpCleared]
        .map(|wanted| action(&judged.counters, wanted))
}

/// Checks that two frames differ only in the two bytes that contain the code point, and the two of the
/// checksum.
fn differs_only_in_the_header(before: &[u8], after: &[u8]) {
    assert_eq!(before.len(), after.len());
    let differing: Vec<usize> = (0..before.len()).filter(|at| before[*at] != after[*at]).collect();
    let network = 14
        + 4 * before[12..].chunks(4).take_while(|tag| matches!(tag[..2], [0x81, 0] | [0x88, 0xa8])).count();
    let allowed = [0, 1, 10, 11].map(|offset| network + offset);
    let allowed = &allowed[..if before[network] >> 4 == 4 { 4 } else { 2 }];
    assert!(differing.iter().all(|at| allowed.contains(at)), "{differing:?} in {before:02x?}");
}

#[test]
fn every_code_point_is_set_and_every_other_bit_kept() {
    require!(Root);
    for dscp in 1..64 {
        let mut judged = judged(dscp);
        // All traffic classes would be 256 by 9 shapes by 63 code points. These classes have each bit in both
        // states, and each value of ECN.
        for class in [0x00, 0xff, 0x01, 0x02, 0xaa, 0x55, dscp << 2, dscp << 2 | 3] {
            for frame in shapes(true, class, 25) {
                let (action, after) = judged.kernel.rewrite(&frame).unwrap();
                assert_eq!(action, XDP_PASS);
                assert_eq!(read(&after), (dscp, class & 3, true), "{class:#x} {frame:02x?}");
                differs_only_in_the_header(&frame, &after);
            }
        }
        assert_eq!(actions(&judged), [72, 0, 0]);
        // The program does not correct a wrong checksum: the next hop must see it.
        let mut frame = shapes(true, 0, 25).swap_remove(0);
        frame[24] ^= 0x40;
        let (_, after) = judged.kernel.rewrite(&frame).unwrap();
        assert_eq!(read(&after), (dscp, 0, false));
    }
}

/// A packet that has our code point and is not trusted loses it on the watched ports. No other packet
/// changes.
#[test]
fn a_false_code_point_is_taken_away_and_nothing_else_changes() {
    require!(Root);
    let mut judged = judged(8);
    for class in [0x20, 0x21, 0x23] {
        for frame in shapes(false, class, 25) {
            let (action, after) = judged.kernel.rewrite(&frame).unwrap();
            assert_eq!((action, read(&after)), (XDP_PASS, (0, class & 3, true)));
            differs_only_in_the_header(&frame, &after);
        }
    }
    assert_eq!(actions(&judged), [0, 0, 27]);
    let others =
        [shapes(false, 0x24, 25), shapes(false, 0x00, 25), shapes(false, 0x20, 26), shapes(true, 0x20, 26)];
    for frame in others.concat() {
        assert_eq!(judged.kernel.rewrite(&frame).unwrap(), (XDP_PASS, frame));
    }
    assert_eq!(actions(&judged), [0, 0, 27]);
    // Past the lease a listed source is not trusted.
    judged.kernel.set_lease(Some(Duration::ZERO)).unwrap();
    for frame in shapes(true, 0x80, 25) {
        assert_eq!(judged.kernel.rewrite(&frame).unwrap(), (XDP_PASS, frame));
    }
    for frame in shapes(true, 0x22, 25) {
        assert_eq!(read(&judged.kernel.rewrite(&frame).unwrap().1), (0, 2, true), "a false code point");
    }
    assert_eq!(actions(&judged), [0, 0, 36]);
}

/// A packet that is not a whole segment here may become one at the next hop: a fragment, or a packet with
/// headers that the parser does not look through. It must not keep our code point.
#[test]
fn whatever_may_carry_a_segment_loses_a_false_code_point() {
    require!(Root);
    let mut judged = judged(8);
    let class = 0x20 | 1;
    let (source, source6): (_, Ipv6Addr) = ([198, 51, 100, 7], "2001:db9::7".parse().unwrap());
    let tcp = || Tcp::new(40_000, 25).syn().payload(vec![0; 64]);
    let v4 = || Ipv4::new(source, HOST_V4).traffic_class(class);
    let v6 = || Ipv6::new(source6, HOST_V6).traffic_class(class);
    let later = || Frame::new(v4().fragment(1, false).carrying(tcp()));
    let later_v6 = |segment: Segment| v6().extension(Extension::fragment(1, false)).carrying(segment);
    let eight = (0..8).map(|_| Extension::destination(0));
    // The first eight bytes of a segment in their own fragment; the rest follows in another.
    let start = Frame::new(v4().fragment(0, true).carrying(Tcp::new(40_000, 25).syn())).bytes();
    let start = [&start[..16], &28_u16.to_be_bytes()[..], &start[18..42]].concat();
    let udp = Frame::new(later_v6(Udp::new(25, 25).into())).bytes();
    let frames: Vec<(&str, Vec<u8>)> = vec![
        ("a first fragment without a whole header", start),
        ("a later fragment", later().bytes()),
        ("a later fragment in a VLAN", later().tag(DOT1Q, 7).bytes()),
        ("a later fragment, IPv6", Frame::new(later_v6(tcp().into())).bytes()),
        ("a later fragment, IPv6, whose next header lies", udp),
        ("too many extension headers", Frame::new(v6().extensions(eight).carrying(tcp())).bytes()),
    ];
    // ESP, authentication, mobility, HIP, shim6, experiments: TCP may follow in both families.
    let opaque = [50, 51, 135, 139, 140, 253, 254].into_iter().flat_map(|protocol| {
        let segment = || Segment::raw(protocol, [&[6, 0, 0, 0, 0, 0, 0, 0][..], &[0; 20]].concat());
        [Frame::new(v4().carrying(segment())), Frame::new(v6().carrying(segment()))]
    });
    let opaque = opaque.map(|frame| ("a header that is not looked through", frame.bytes()));
    let hidden = corpus::hidden::all(source.into(), source6).into_iter().map(|hidden| {
        let mut frame = hidden.frame.bytes();
        let class = if frame[14] >> 4 == 4 { [0x45, class] } else { [0x60 | class >> 4, class << 4] };
        frame[14..16].copy_from_slice(&class);
        (hidden.name, frame)
    });
    let frames: Vec<_> = frames.into_iter().chain(opaque).chain(hidden).collect();
    for (number, (name, frame)) in (1..).zip(frames) {
        let network = if frame[12] == 0x81 { 18 } else { 14 };
        let (action, after) = judged.kernel.rewrite(&frame).unwrap();
        let read = if after[network] >> 4 == 4 {
            after[network + 1]
        } else {
            after[network] << 4 | after[network + 1] >> 4
        };
        assert_eq!((action, read), (XDP_PASS, 1), "{name}");
        differs_only_in_the_header(&frame, &after);
        assert_eq!(actions(&judged), [0, 0, number], "{name}");
        // Without our code point the frame does not change.
        assert_eq!(judged.kernel.rewrite(&after).unwrap(), (XDP_PASS, after), "{name}");
    }
}

/// Tags change only code points, with any frame.
#[test]
fn random_frames_pass_with_tags_on_and_only_code_points_change() {
    require!(Root);
    let tags = Tags { dscp: Some(Dscp::DEFAULT), mark: Some(Mark::DEFAULT), ..Tags::default() };
    let mut judged = tagging(&["198.51.100.0/24", "2001:db8::/32"], tags);
    let (mut generate, mut frame) = (Frames::new(365), Vec::new());
    let mut changed = 0;
    for _ in 0..100_000 {
        generate.next_into(&mut frame);
        let (action, after) = judged.kernel.rewrite(&frame).unwrap();
        assert_eq!(action, XDP_PASS, "{frame:02x?}");
        if after != frame {
            differs_only_in_the_header(&frame, &after);
            changed += 1;
        }
    }
    let [set, not_set, cleared] = actions(&judged);
    assert_eq!(not_set, 0);
    assert!(set > 1_000 && cleared > 0 && changed <= set + cleared, "{set}, {cleared}, {changed}");
}

/// A frame does not change without tags. With tags it does not change if it is not a segment to a watched
/// port.
#[test]
fn the_corpus_is_left_as_it_is_but_for_code_points() {
    require!(Root);
    let list = [format!("{}/32", corpus::SOURCE_V4), format!("{}/128", corpus::SOURCE_V6)];
    let list = list.each_ref().map(String::as_str);
    let mut plain = tagging(&list, Tags::default());
    let mut tagging = tagging(&list, Tags { dscp: Some(Dscp::DEFAULT), ..Tags::default() });
    for case in corpus::all() {
        let frame = &case.frame;
        // The lengths that a test run accepts in one buffer.
        if !(SHORTEST..=LONGEST).contains(&frame.len()) {
            continue;
        }
        assert_eq!(plain.kernel.rewrite(frame).unwrap(), (XDP_PASS, frame.clone()), "{}", case.name);
        let (action, after) = tagging.kernel.rewrite(frame).unwrap();
        assert_eq!(action, XDP_PASS, "{}", case.name);
        if matches!(case.expected, corpus::Expected::Smtp { .. }) {
            differs_only_in_the_header(frame, &after);
        } else {
            assert_eq!(after, *frame, "{}", case.name);
        }
    }
}
