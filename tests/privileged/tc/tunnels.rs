//! Tunnels of IP in IP: mail in them is counted on the tunnel by tc, and is `not_tcp` on the interface below.

use std::net::{IpAddr, Ipv4Addr};

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    frame::{Frame, Ipv4, Packet, Segment, Tcp},
    lab::Lab,
    raw::FrameSender,
    require,
    temp::TempFile,
};

use crate::{
    links::accept_any_source,
    steps::{source, stop, until},
};

/// The other end of the tunnel.
const PEER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 77);
/// Protocol numbers of IP (IANA): GRE, IPv4 in IPv4, IPv6 in IPv4.
const GRE: u8 = 47;
const IPIP: u8 = 4;
const SIT: u8 = 41;
/// A GRE header of four bytes (RFC 2784) in front of an IPv4 packet.
const GRE_HEADER: [u8; 4] = [0, 0, 8, 0];

/// Sends two SYNs from a listed source and one from another through a tunnel of this kind.
fn check(kind: &str, protocol: u8, header: &[u8], sources: [&str; 2]) {
    let lab = Lab::new().unwrap();
    let host = lab.link().host_v4();
    let ends = ["local", &host.to_string(), "remote", &PEER.to_string()].map(str::to_owned);
    let words = ["link", "add", "tunnel9", "type", kind].into_iter().chain(ends.iter().map(String::as_str));
    lab.host.ip(&words.collect::<Vec<_>>()).unwrap();
    lab.host.ip(&["link", "set", "dev", "tunnel9", "up"]).unwrap();
    accept_any_source(&lab.host, lab.iface());
    let list = TempFile::new("list", "13.71.171.0/24,CAN\n2a01:111:f400::/48,EUR\n");
    let flags = ["--ranges", &source(list.path()), "--lease", "never", "--tag", "mark"];
    let daemon = Daemon::start(&lab.host, &DaemonOptions::on(&["tunnel9", lab.iface()]).args(flags)).unwrap();
    let sender = FrameSender::on(&lab.link().sender).unwrap();
    for source in [sources[0], sources[0], sources[1]] {
        let source: IpAddr = source.parse().unwrap();
        let inner = Packet::between(source, lab.link().host_for(source), Tcp::new(40_000, 25).syn());
        let outer = Ipv4::new(PEER, host).carrying(Segment::raw(protocol, [header, &inner.bytes].concat()));
        sender.send(&Frame::new(outer)).unwrap();
    }
    let counted = || {
        let scrape = daemon.scrape().unwrap();
        let on = |name, iface, labels: &[_]| scrape.sum(name, &[&[("iface", iface)], labels].concat());
        [
            on("d365_smtp_connections_total", "tunnel9", &[]),
            on("d365_unlisted_smtp_connections_total", "tunnel9", &[]),
            on("d365_tagged_packets_total", "tunnel9", &[("tag", "mark")]),
            on("d365_other_packets_total", lab.iface(), &[("reason", "not_tcp")]),
            on("d365_attached", "tunnel9", &[("mode", "tc")]),
        ]
    };
    until(10, || counted() == [2, 1, 2, 3, 1], || format!("{:?}\n{}", counted(), daemon.log()));
    stop(daemon);
}

const V4: [&str; 2] = ["13.71.171.9", "198.51.100.7"];

#[test]
fn gre() {
    require!(Root, Tool("ip"), Link("gre remote 192.0.2.1"), Daemon);
    check("gre", GRE, &GRE_HEADER, V4);
}

#[test]
fn ipip() {
    require!(Root, Tool("ip"), Link("ipip remote 192.0.2.1"), Daemon);
    check("ipip", IPIP, &[], V4);
}

#[test]
fn sit() {
    require!(Root, Tool("ip"), Link("sit remote 192.0.2.1"), Daemon);
    check("sit", SIT, &[], ["2a01:111:f400::9", "2a01:111:f403::9"]);
}
