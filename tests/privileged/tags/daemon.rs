//! Tags set by the daemon, from the flags to the next hop, with real sessions.

use std::time::Duration;

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    frame::{Frame, Packet, Tcp},
    lab::Lab,
    next_hop::NextHop,
    nft, patience,
    raw::FrameSender,
    require,
    temp::TempFile,
};

use crate::{
    mail::{deliver_again, deliver_from, listen},
    steps::{addresses, detach, shell, source, start, until},
};

pub(super) const LISTED: [&str; 2] = ["203.0.113.9", "2001:db8:77::9"];
pub(super) const STRANGERS: [&str; 2] = ["198.51.100.7", "2001:db8:1::7"];
pub(super) const LIST: &str = "# ours\n203.0.113.0/24,CAN\n2001:db8:77::/48,EUR,WestEurope\n";

/// Starts a daemon with a list of its own, whose lease does not end.
fn tagging(lab: &Lab, list: &TempFile, flags: &[&str]) -> Daemon {
    let ranges = ["--ranges", &source(list.path()), "--allow-special", "--lease", "never"];
    start(lab, &[&ranges[..], flags].concat())
}

/// Returns a time for a flag, stretched for this machine.
pub(super) fn seconds(number: u64) -> String {
    format!("{}s", patience::stretched(Duration::from_secs(number)).as_secs())
}

/// Counts packets to port 25 by mark and code point, after all other programs, and resets.
fn count(lab: &Lab) {
    let rules = "table inet d365 {
        counter can { }
        counter eur { }
        counter foreign { }
        counter cs1 { }
        counter af21 { }
        counter smtp { }
        counter refused { }
        chain out {
            type filter hook output priority 0;
            tcp sport 25 tcp flags & rst == rst counter name refused
        }
        chain in {
            type filter hook input priority 0;
            tcp dport != 25 accept
            counter name smtp
            meta mark 0xd3650002 counter name can
            meta mark 0xd3650009 counter name eur
            meta mark != { 0, 0xd3650002, 0xd3650009 } counter name foreign
            ip dscp cs1 counter name cs1
            ip6 dscp cs1 counter name cs1
            ip dscp af21 counter name af21
            ip6 dscp af21 counter name af21
        }
    }";
    nft::load(&lab.host, rules).unwrap();
}

fn counted(lab: &Lab, counter: &str) -> u64 {
    nft::packets(&lab.host, "inet d365", counter).unwrap()
}

/// Mail from listed and unlisted sources is still delivered, and counted by the operator's own list. Every
/// packet from listed sources has both tags, from the first packet on.
#[test]
fn both_tags_in_every_mode() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon);
    ["native", "generic", "tc"].into_iter().for_each(both_tags);
}

fn both_tags(mode: &str) {
    let lab = Lab::new().unwrap();
    let list = TempFile::new("list", LIST);
    let listener = listen(&lab);
    count(&lab);
    let daemon = tagging(&lab, &list, &["--mode", mode, "--tag", "mark,dscp"]);
    let sources = [addresses(&LISTED), addresses(&STRANGERS)].concat();
    deliver_from(&lab, 0, &sources);
    deliver_again(&lab, 0, &sources);
    let scrape = daemon.scrape().unwrap();
    let smtp = |geo| scrape.sum("d365_smtp_packets_total", &[("geo", geo)]);
    assert!(smtp("CAN") > 10 && smtp("EUR") > 10);
    assert_eq!((counted(&lab, "can"), counted(&lab, "eur")), (smtp("CAN"), smtp("EUR")));
    assert_eq!((counted(&lab, "foreign"), counted(&lab, "cs1")), (0, smtp("CAN") + smtp("EUR")));
    for tag in ["mark", "dscp"] {
        let labels = [("iface", lab.iface()), ("tag", tag)];
        assert_eq!(scrape.count("d365_tagged_packets_total", &labels), smtp("CAN") + smtp("EUR"), "{tag}");
    }
    assert_eq!(scrape.sum("d365_tag_failures_total", &[]), 0);
    let connections =
        |geo| scrape.sum("d365_smtp_connections_total", &[("geo", geo), ("geo_source", "configured")]);
    assert_eq!((connections("CAN"), connections("EUR")), (2, 2), "{mode}");
    assert_eq!(scrape.sum("d365_unlisted_smtp_connections_total", &[]), 4);
    assert_eq!(scrape.count("d365_ranges", &[("geo", "EUR"), ("family", "ipv6")]), 1);
    assert_eq!(listener.stop().len(), 8, "every mail arrived");
}

/// The stack answers each of these segments with a reset.
#[test]
fn a_segment_of_no_connection_is_marked() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon);
    let lab = Lab::new().unwrap();
    let list = TempFile::new("list", LIST);
    let _listener = listen(&lab);
    count(&lab);
    let daemon = tagging(&lab, &list, &["--tag", "mark"]);
    daemon.wait_for_log("metrics url=", Duration::from_secs(5)).unwrap();
    let sender = FrameSender::on(&lab.link().sender).unwrap();
    let (source, host) = (LISTED[0].parse().unwrap(), lab.link().host_v4().into());
    lab.add_source(source).unwrap();
    let frame = Frame::new(Packet::between(source, host, Tcp::new(40_000, 25)));
    (0..40).for_each(|_| sender.send(&frame).unwrap());
    let refused = || counted(&lab, "refused");
    until(10, || refused() >= 40, || format!("refused of 40: {}", refused()));
    assert_eq!(counted(&lab, "can"), 40);
    let scrape = daemon.scrape().unwrap();
    let listed = |unit| scrape.sum(&format!("d365_smtp_{unit}_total"), &[("geo", "CAN")]);
    assert_eq!((listed("packets"), listed("connections")), (40, 0));
}

/// The mark that the edge's daemon sets does not count for the server's daemon, whose list does not have the
/// source.
#[test]
fn a_mark_of_an_earlier_hop_is_not_trusted() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon);
    let lab = Lab::new().unwrap();
    let hop = NextHop::behind(&lab).unwrap();
    let (list, other) = (TempFile::new("list", LIST), TempFile::new("other", "192.0.2.128/25,NAM\n"));
    let rules = "table inet d365 { counter any { }\ncounter smtp { }\nchain in { type filter hook prerouting priority -300;
        tcp dport 25 counter name smtp\ntcp dport 25 meta mark != 0 counter name any\n}\n}";
    nft::load(&hop.server, rules).unwrap();
    let edge = tagging(&lab, &list, &["--tag", "mark"]);
    let behind = DaemonOptions::on(&["edge0"]).args(["--ranges", &source(other.path())]);
    let behind = behind.args(["--allow-special", "--lease", "never", "--tag", "mark"]);
    let behind = Daemon::start(&hop.server, &behind).unwrap();
    for daemon in [&edge, &behind] {
        daemon.wait_for_log("metrics url=", Duration::from_secs(5)).unwrap();
    }
    let sender = FrameSender::on(&lab.link().sender).unwrap();
    let source = LISTED[0].parse().unwrap();
    let frame = Frame::new(Packet::between(source, NextHop::address_for(source), Tcp::new(40_000, 25)));
    let all = || nft::packets(&hop.server, "inet d365", "smtp").unwrap();
    let send = || (0..20).for_each(|_| sender.send(&frame).unwrap());
    until(20, || (send(), all() >= 60).1, || format!("{} of 60 frames came", all()));
    assert!(edge.scrape().unwrap().sum("d365_tagged_packets_total", &[("tag", "mark")]) >= 60);
    let scrape = behind.scrape().unwrap();
    assert!(scrape.sum("d365_unlisted_smtp_packets_total", &[]) >= 60);
    assert_eq!(scrape.sum("d365_tagged_packets_total", &[]), 0);
    assert_eq!(nft::packets(&hop.server, "inet d365", "any").unwrap(), 0);
}

/// Another program detaches our tc program. That loses no counts and has its own log message, and the program
/// is attached again.
#[test]
fn a_tc_program_that_is_taken_away_is_said() {
    require!(Root, Kernel(6, 6, "tcx"), Tool("ip"), Tool("bpftool"), Daemon);
    let lab = Lab::new().unwrap();
    let list = TempFile::new("list", LIST);
    let daemon = tagging(&lab, &list, &["--tag", "mark"]);
    let attached = || {
        let scrape = daemon.scrape().unwrap();
        ["d365_attached", "d365_tag_attached"].map(|name| scrape.count(name, &[("iface", lab.iface())]))
    };
    assert_eq!(attached(), [1, 1]);
    let programs = shell(&lab.host, "bpftool prog show name d365_tag");
    let ids = programs.lines().filter_map(|line| line.split_once(": sched_cls").map(|(id, _)| id));
    detach(&daemon, &lab.host, &ids.collect::<Vec<_>>());
    daemon.wait_for_log("the tc program is not attached: packets", Duration::from_secs(5)).unwrap();
    daemon.wait_for_log("attached again", Duration::from_secs(5)).unwrap();
    assert!(!daemon.log().contains("packets are not counted"), "{}", daemon.log());
    assert_eq!(attached(), [1, 1]);
    until(5, || daemon.get("/readyz", &[]).unwrap().status == 200, || daemon.log());
}

/// After the end of the lease nothing is tagged, and mail is still delivered.
#[test]
fn another_code_point_and_a_lease_that_ends() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon);
    let lab = Lab::new().unwrap();
    let list = TempFile::new("list", LIST);
    let listener = listen(&lab);
    count(&lab);
    let ranges = ["--ranges", &source(list.path()), "--allow-special"];
    let flags = ["--lease", &seconds(6), "--tag", "dscp", "--dscp", "af21"];
    let daemon = start(&lab, &[&ranges[..], &flags].concat());
    let listed = addresses(&LISTED);
    deliver_from(&lab, 0, &listed);
    let tagged = counted(&lab, "af21");
    assert!(tagged >= 16, "{tagged}");
    assert_eq!(daemon.scrape().unwrap().sum("d365_tagged_packets_total", &[("tag", "dscp")]), tagged);
    std::fs::remove_file(list.path()).unwrap();
    daemon.wait_for_log("the lease ended: ", Duration::from_secs(15)).unwrap();
    let before = counted(&lab, "af21");
    deliver_again(&lab, 0, &listed);
    assert_eq!(counted(&lab, "af21"), before, "nothing is tagged past the lease");
    assert_eq!(listener.stop().len(), 4);
}
