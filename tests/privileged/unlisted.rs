//! `--unlisted drop` as an operator sees it: the log before anything is dropped, the sources that are never
//! dropped, and changes of this host's addresses.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use d365_tests::{
    daemon::Daemon,
    frame::{Extension, Frame, Ipv4, Ipv6, Segment, Tcp},
    lab::Lab,
    raw::{FrameSender, Sniffer},
    require,
};

use crate::{
    mail::{deliver_from, listen},
    steps::{addresses, knock, start, stop, until},
};

const PATIENCE: Duration = Duration::from_secs(10);
/// In the embedded list.
const LISTED: &str = "13.71.171.9";
/// In no subnet of the host.
const STRANGERS: [&str; 2] = ["203.0.113.9", "2001:db8:bad::9"];

/// Number of connections from unlisted sources, and the number of dropped ones.
fn unlisted(lab: &Lab, daemon: &Daemon) -> (u64, u64) {
    let scrape = daemon.scrape().unwrap();
    let iface = [("iface", lab.iface())];
    let count = |name| scrape.count(name, &iface);
    (count("d365_unlisted_smtp_connections_total"), count("d365_unlisted_dropped_packets_total"))
}

/// Starts a daemon and waits until it drops.
fn dropping(lab: &Lab, flags: &[&str]) -> Daemon {
    let daemon = start(lab, &[&["--lease", "never", "--unlisted", "drop"], flags].concat());
    // The daemon logs the summary when it sets the lease.
    daemon
        .wait_for_log("unlisted: new connections are dropped while the lease holds port=25 ", PATIENCE)
        .unwrap();
    daemon
}

/// Asserts that the log reports future drops before the attachment.
fn is_announced(log: &str, lab: &Lab) {
    let at = |text: &str| log.find(text).unwrap_or_else(|| panic!("{text} is missing in:\n{log}"));
    let host = lab.link().host_v4();
    let safe = ["127.0.0.0/8", "192.0.2.0/28", "198.51.100.0/24", "::1/128", "2001:db8:f::/48", "fe80::/10"];
    let line = log.lines().find(|line| line.contains("never dropped: new connections from")).unwrap();
    for prefix in safe.into_iter().chain([format!("{host}/32").as_str()]) {
        assert!(line.contains(prefix), "{prefix} is missing in {line}");
    }
    let notice = "new TCP connections are DROPPED";
    assert!(at(notice) < at(": attached iface="), "{log}");
    let line = log.lines().find(|line| line.contains(notice)).unwrap();
    assert!(line.contains("WARN") && line.ends_with(&format!(" iface={} port=25", lab.iface())), "{log}");
    assert!(at("192.0.2.1/28 has bits behind its length: it means 192.0.2.0/28") < at(notice));
}

#[test]
fn strangers_are_dropped_and_nobody_else() {
    require!(Root, Tool("ip"), Daemon);
    ["native", "tc"].into_iter().for_each(only_strangers_are_dropped);
}

fn only_strangers_are_dropped(mode: &str) {
    let lab = Lab::new().unwrap();
    lab.host.ip(&["address", "add", "198.51.100.25/24", "dev", lab.iface()]).unwrap();
    let listener = listen(&lab);
    let daemon = dropping(&lab, &["--mode", mode, "--failsafe", "192.0.2.1/28,2001:db8:f::/48"]);
    is_announced(&daemon.log(), &lab);
    knock(lab.link(), &STRANGERS);
    assert_eq!(unlisted(&lab, &daemon), (2, 2));
    knock(lab.link(), &[LISTED, "192.0.2.15", "198.51.100.7", "127.0.0.1", "fe80::9"]);
    assert_eq!(unlisted(&lab, &daemon), (6, 2), "all but the listed one are unlisted");
    knock(lab.link(), &["192.0.2.16"]);
    assert_eq!(unlisted(&lab, &daemon), (7, 3), "behind the failsafe prefix");
    deliver_from(&lab, 0, &addresses(&[LISTED, "192.0.2.7"]));
    assert_eq!(unlisted(&lab, &daemon).1, 3);
    assert_eq!(listener.stop().len(), 2);
}

/// A SYN in two fragments, the first of which has 8 bytes of TCP, and a SYN behind eight extension headers.
fn hidden_syns(lab: &Lab) -> Vec<Frame> {
    let syn = || Tcp::new(40_000, 25).syn();
    let (v4, v6): (Ipv4Addr, Ipv6Addr) = (STRANGERS[0].parse().unwrap(), STRANGERS[1].parse().unwrap());
    let packet = || Ipv4::new(v4, lab.link().host_v4());
    // The TCP segment starts behind an Ethernet and an IPv4 header.
    let whole = Frame::new(packet().carrying(syn())).bytes().split_off(34);
    let part = |offset, more, bytes: &[u8]| {
        Frame::new(packet().carrying(Segment::raw(6, bytes)).fragment(offset, more))
    };
    let chain = vec![Extension::destination(0); 8];
    let behind = Ipv6::new(v6, lab.link().host_v6()).extensions(chain).carrying(syn());
    vec![part(0, true, &whole[..8]), part(1, false, &whole[8..]), Frame::new(behind)]
}

/// The host's stack accepts both, so they would open a connection past the drop.
#[test]
fn a_hidden_syn_opens_no_connection() {
    require!(Root, Tool("ip"), Daemon);
    ["native", "tc"].into_iter().for_each(no_hidden_syn);
}

fn no_hidden_syn(mode: &str) {
    let lab = Lab::new().unwrap();
    addresses(&STRANGERS).into_iter().for_each(|source| lab.add_source(source).unwrap());
    let _listener = listen(&lab);
    let answered = || {
        let (sniffer, sender) =
            (Sniffer::on(&lab.link().sender).unwrap(), FrameSender::on(&lab.link().sender).unwrap());
        hidden_syns(&lab).iter().for_each(|frame| sender.send(frame).unwrap());
        let sniffed = sniffer.stop().unwrap();
        [true, false].map(|v4| sniffed.to_port(40_000, |source| source.is_ipv4() == v4).packets > 0)
    };
    assert_eq!(answered(), [true, true], "without a daemon");
    let daemon = dropping(&lab, &["--mode", mode]);
    assert_eq!(answered(), [false, false]);
    assert_eq!(unlisted(&lab, &daemon), (0, 0));
    let scrape = daemon.scrape().unwrap();
    assert_eq!(scrape.count("d365_hidden_dropped_packets_total", &[("iface", lab.iface())]), 3);
}

/// The daemon follows a change of the host's addresses at once.
#[test]
fn the_hosts_addresses_are_followed() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let daemon = dropping(&lab, &[]);
    knock(lab.link(), &STRANGERS);
    assert_eq!(unlisted(&lab, &daemon), (2, 2));
    let change = |action: &str| {
        let (v4, v6, dev) = ("203.0.113.25/24", "2001:db8:bad::25/64", lab.iface());
        lab.host.ip(&["address", action, v4, "dev", dev]).unwrap();
        lab.host.ip(&["-6", "address", action, v6, "dev", dev]).unwrap();
    };
    change("add");
    let expected = ["this host's addresses have changed", "203.0.113.0/24", "2001:db8:bad::/64"];
    daemon.wait_for_line(&expected, Duration::from_secs(2)).unwrap();
    knock(lab.link(), &STRANGERS);
    assert_eq!(unlisted(&lab, &daemon), (4, 2), "they are neighbours now");
    change("del");
    let is_left_out = || {
        let log = daemon.log();
        let last = log.lines().rfind(|line| line.contains(expected[0])).unwrap();
        expected[1..].iter().all(|subnet| !last.contains(subnet))
    };
    until(2, is_left_out, || daemon.log());
    knock(lab.link(), &STRANGERS);
    assert_eq!(unlisted(&lab, &daemon), (6, 4));
    stop(daemon);
}

/// A daemon without `--unlisted drop` drops nothing, and neither does one whose lease has expired.
#[test]
fn nothing_is_dropped_by_default_or_past_the_lease() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    for flags in [&["--lease", "never"][..], &["--unlisted", "drop", "--lease", "1s"]] {
        let daemon = start(&lab, flags);
        daemon.wait_for_log("metrics url=http://", PATIENCE).unwrap();
        knock(lab.link(), &STRANGERS);
        assert_eq!(unlisted(&lab, &daemon), (2, 0), "{flags:?}");
    }
}
