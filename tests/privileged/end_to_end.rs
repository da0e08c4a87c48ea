//! The daemon runs in a namespace, real mail passes over veth, and the counters equal the packets that
//! arrived.

use std::net::IpAddr;

use aya::util::KernelVersion;
use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    frame::{ARP, DOT1AD, DOT1Q, Frame, Ipv4, Packet, Segment, Tcp, Udp},
    lab::{Lab, LabOptions},
    raw::{FrameSender, Sniffed, Sniffer},
    require,
};

use crate::{
    mail::{compare, deliver_from, embedded, listen, seen, sources, strangers},
    steps::{start, started, stop, two_links},
};

const MODES: [&str; 3] = ["native", "generic", "tc"];

/// Sends one mail from every range and from unlisted sources, and compares the daemon's counters with the
/// sniffer's.
fn mail_from_every_range(mode: &str) {
    let lab = Lab::new().unwrap();
    let set = embedded();
    let listener = listen(&lab);
    let daemon = start(&lab, &["--mode", mode]);
    let sniffer = Sniffer::on(&lab.link().host).unwrap();
    let sources = [sources(set.ranges()), strangers()].concat();
    deliver_from(&lab, 0, &sources);
    let sniffed = sniffer.stop().unwrap();
    let scrape = daemon.scrape().unwrap();
    assert_eq!(listener.stop().len(), sources.len(), "every mail arrived");
    assert_eq!(sniffed.to_port(25, |_| true).connections, sources.len() as u64);
    compare(&scrape, lab.iface(), &set, &sniffed);
    let labels = [("iface", lab.iface()), ("mode", mode)];
    assert_eq!(scrape.count("d365_attached", &labels), 1);
    stop(daemon);
}

#[test]
fn mail_from_every_range_in_every_mode() {
    require!(Root, Tool("ip"), Daemon);
    MODES.into_iter().for_each(mail_from_every_range);
}

/// Frames of every class, with and without VLAN tags, and the number of times that each is sent.
fn frames(listed: IpAddr, unlisted: IpAddr, host: IpAddr) -> Vec<(Frame, usize)> {
    let to = |source, port| Packet::between(source, host, Tcp::new(40_000, port).syn());
    let (IpAddr::V4(source), IpAddr::V4(v4_host)) = (listed, host) else { panic!("IPv4 only") };
    vec![
        (Frame::new(to(listed, 25)).tag(DOT1Q, 7), 3),
        (Frame::new(to(listed, 25)).tag(DOT1AD, 100).tag(DOT1Q, 7), 5),
        (Frame::new(to(listed, 25)).tag(DOT1AD, 7).pad(60), 7),
        (Frame::new(to(unlisted, 25)).tag(DOT1Q, 7), 11),
        (Frame::new(to(unlisted, 587)).tag(DOT1Q, 7), 13),
        (Frame::new(Packet::between(listed, host, Udp::new(1, 25))).tag(DOT1Q, 7), 17),
        (Frame::new(Ipv4::new(source, v4_host).carrying(Segment::ping())), 19),
        (Frame::new(Packet::raw(ARP, [0; 28])).tag(DOT1Q, 7), 23),
        (Frame::new(Ipv4::new(source, v4_host).fragment(3, false)).tag(DOT1Q, 7), 29),
        (Frame::new(to(listed, 25)).tag(DOT1Q, 1).tag(DOT1Q, 2).tag(DOT1Q, 3), 31),
        (Frame::new(Ipv4::new(source, v4_host).carrying(Tcp::new(1, 25)).total_length(21)), 37),
    ]
}

fn tagged_frames(mode: &str) {
    let (lab, daemon) = started(&["--mode", mode]);
    let (sender, sniffer) =
        (FrameSender::on(&lab.link().sender).unwrap(), Sniffer::on(&lab.link().host).unwrap());
    let (listed, unlisted) = ([13, 71, 171, 9].into(), [198, 51, 100, 9].into());
    let frames = frames(listed, unlisted, lab.link().host_v4().into());
    for (frame, count) in &frames {
        (0..*count).for_each(|_| sender.send(frame).unwrap());
    }
    let arrived = sniffer.stop().unwrap().all();
    let scrape = daemon.scrape().unwrap();
    let iface = [("iface", lab.iface())];
    let other = |reason| scrape.count("d365_other_packets_total", &[iface[0], ("reason", reason)]);
    let can = [iface[0], ("geo", "CAN"), ("geo_source", "documented")];
    assert_eq!(scrape.count("d365_smtp_connections_total", &can), 3 + 5 + 7);
    // The kernel takes the first tag off before tc.
    let tag = if mode == "tc" { 4 } else { 0 };
    let bytes = 3 * (58 - tag) + 5 * (62 - tag) + 7 * (60 - tag);
    assert_eq!(scrape.count("d365_smtp_bytes_total", &can), bytes);
    assert_eq!(scrape.count("d365_unlisted_smtp_packets_total", &iface), 11);
    let others = ["other_port", "not_tcp", "not_ip", "later_fragment", "too_many_headers", "malformed"];
    assert_eq!(others.map(other), [13, 17 + 19, 23, 29, 31, 37]);
    let sent: usize = frames.iter().map(|(_, count)| count).sum();
    assert_eq!((seen(&scrape, lab.iface()), arrived.packets), (sent as u64, sent as u64));
}

#[test]
fn tagged_and_odd_frames_in_every_mode() {
    require!(Root, Tool("ip"), Daemon);
    MODES.into_iter().for_each(tagged_frames);
}

#[test]
fn two_interfaces_are_counted_apart() {
    require!(Root, Tool("ip"), Daemon);
    let lab = two_links();
    let set = embedded();
    let listener = listen(&lab);
    let ifaces = [lab.links[0].host.name.as_str(), lab.links[1].host.name.as_str()];
    let daemon = Daemon::start(&lab.host, &DaemonOptions::on(&ifaces)).unwrap();
    let sniffers = [0, 1].map(|link: usize| Sniffer::on(&lab.links[link].host).unwrap());
    let sources = sources(set.ranges());
    deliver_from(&lab, 0, &sources[..20]);
    deliver_from(&lab, 1, &sources[20..]);
    deliver_from(&lab, 1, &strangers());
    let sniffed: Vec<Sniffed> = sniffers.into_iter().map(|sniffer| sniffer.stop().unwrap()).collect();
    let scrape = daemon.scrape().unwrap();
    for (iface, sniffed) in ifaces.iter().zip(&sniffed) {
        compare(&scrape, iface, &set, sniffed);
        assert!(sniffed.all().packets > 100);
    }
    assert_eq!(scrape.select("d365_generation", &[]).count(), 1);
    let named: std::collections::BTreeSet<_> =
        scrape.samples.iter().filter_map(|sample| sample.labels.get("iface")).map(String::as_str).collect();
    assert_eq!(named, ifaces.into(), "no series of a third interface");
    drop(listener);
}

/// At jumbo MTU a frame arrives in several buffers: in native mode from Linux 5.18 on, by tc before.
#[test]
fn jumbo_frames_are_counted_to_the_byte() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::with(LabOptions { mtu: 9000, ..LabOptions::default() }).unwrap();
    let daemon = start(&lab, &[]);
    let known = KernelVersion::current().unwrap() >= KernelVersion::new(5, 18, 0);
    let mode = if known { "native" } else { "tc" };
    assert_eq!(daemon.scrape().unwrap().count("d365_attached", &[("mode", mode)]), 1);
    let (sender, sniffer) =
        (FrameSender::on(&lab.link().sender).unwrap(), Sniffer::on(&lab.link().host).unwrap());
    let host = lab.link().host_v4().into();
    for size in [0, 1400, 3000, 4000, 8946] {
        let segment = Tcp::new(40_000, 25).payload(vec![b'x'; size]);
        sender.send(&Frame::new(Packet::between([13, 71, 171, 9].into(), host, segment))).unwrap();
    }
    let sniffed = sniffer.stop().unwrap();
    assert_eq!(sniffed.all().packets, 5);
    compare(&daemon.scrape().unwrap(), lab.iface(), &embedded(), &sniffed);
}
