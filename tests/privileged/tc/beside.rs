//! The tc program on an interface that also has an XDP program: both count the same packets.
//!
//! In generic mode the kernel copies frames, and buffers start after the Ethernet header; see
//! `d365-ebpf/src/skb.rs`. The kernel removes the first VLAN tag before tc.

use std::{
    net::IpAddr,
    thread,
    time::{Duration, Instant},
};

use d365_tests::{
    frame::{DOT1AD, DOT1Q, Extension, Frame, Ipv6, Packet, Tcp, Udp},
    lab::Lab,
    patience,
    raw::FrameSender,
    require,
};
use d365_user::{
    kernel::{Inherited, Interface, Options},
    settings::{ModePolicy, TcOrder},
};

use super::{armed, tagging};
use crate::{
    judged::{Judged, options},
    oracle::sums::Sums,
};

const LIST: [&str; 2] = ["192.0.2.0/24", "2001:db8::/32"];
const VLAN_TAG: u64 = 4;
/// The `EtherType`.
const IPV6: u16 = 0x86dd;

/// Frames of every kind, each with the number of its VLAN tags.
fn frames(lab: &Lab) -> Vec<(Frame, u64)> {
    let sources = ["192.0.2.7", "198.51.100.7", "2001:db8::7", "2001:db9::7"];
    let mut frames = Vec::new();
    for source in sources.map(|source| source.parse::<IpAddr>().unwrap()) {
        let host = lab.link().host_for(source);
        let tcp = |port| Tcp::new(40_000, port).syn();
        let mut packets = vec![
            Packet::between(source, host, tcp(25)),
            Packet::between(source, host, tcp(26)),
            Packet::between(source, host, tcp(25).payload([7; 1200])),
            Packet::between(source, host, Udp::new(40_000, 25)),
        ];
        if let (IpAddr::V6(source), IpAddr::V6(host)) = (source, host) {
            let long = Ipv6::new(source, host).extensions(vec![Extension::destination(20); 2]);
            packets.push(long.carrying(tcp(25)).into());
        }
        for packet in packets {
            let plain = Frame::new(packet);
            frames.push((plain.clone(), 0));
            frames.push((plain.clone().tag(DOT1Q, 7), 1));
            frames.push((plain.clone().tag(DOT1AD, 100).tag(DOT1Q, 7), 2));
            // Too many, also after one is removed.
            frames.push((plain.tag(DOT1AD, 100).tag(DOT1Q, 7).tag(DOT1Q, 8), 3));
        }
    }
    // A packet that repeats its Ethernet header, in front of a segment from a listed source. A program that
    // looked for the header by its bytes would take the packet for the frame.
    let source = "2001:db8::7".parse().unwrap();
    let frame = Frame::new(Packet::between(source, lab.link().host_for(source), Tcp::new(40_000, 25).syn()));
    let cut = (14..frame.bytes().len()).step_by(5).map(|length| (frame.clone().truncate(length), 0));
    frames.extend(cut);
    frames.push((Frame::new(Packet::raw(IPV6, frame.bytes())), 0));
    frames
}

fn counted(judged: &mut Judged) -> Sums {
    Sums::read(judged.kernel.program_id().unwrap(), LIST.len()).of_classes()
}

fn check(mode: ModePolicy) {
    let lab = Lab::new().unwrap();
    let interface = lab.host.run(|| Interface::find(lab.iface()).unwrap());
    let on = |options| Options { interfaces: vec![interface.clone()], ..options };
    let (mut xdp, mut tc) = (armed(&LIST, &on(options())), armed(&LIST, &on(tagging())));
    lab.host.run(|| {
        for (judged, mode) in [(&mut xdp, mode), (&mut tc, ModePolicy::Tc)] {
            judged.kernel.attach(&interface, mode, TcOrder::First, &mut Inherited::default()).unwrap();
        }
    });
    let sender = FrameSender::on(&lab.link().sender).unwrap();
    let deadline = patience::deadline(Duration::from_secs(10));
    for (number, (frame, tags)) in frames(&lab).into_iter().enumerate() {
        let before = (counted(&mut xdp), counted(&mut tc));
        sender.send(&frame).unwrap();
        while counted(&mut tc) == before.1 {
            assert!(Instant::now() < deadline, "frame {number} did not come");
            thread::sleep(Duration::from_millis(1));
        }
        let (seen, left) = (counted(&mut xdp).since(&before.0), counted(&mut tc).since(&before.1));
        // The kernel removed the first tag.
        let removed = if tags > 0 { VLAN_TAG } else { 0 };
        assert_eq!(left, seen.shorter(removed), "{mode:?}, frame {number} with {tags} tags");
    }
    lab.host.run(|| drop((tc, xdp)));
}

#[test]
fn it_counts_what_a_native_program_counts() {
    require!(Root, Tool("ip"));
    check(ModePolicy::Native);
}

#[test]
fn it_counts_what_a_generic_program_counts() {
    require!(Root, Tool("ip"));
    check(ModePolicy::Generic);
}
