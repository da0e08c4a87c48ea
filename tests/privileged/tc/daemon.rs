//! The daemon in `--mode tc`: together with programs of other owners, on devices without an Ethernet header,
//! and on interfaces that lose its program.

use std::{process::Command, time::Duration};

use aya::programs::{SchedClassifier, TcAttachType};
use d365_common::names;
use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    frame::{Packet, Tcp},
    lab::{Lab, Link},
    mount::{Mount, View},
    netns::Netns,
    require,
    seccomp::{BpfFault, command},
    tun::{Kind, Tun},
    veth,
};
use nix::{errno::Errno, sys::signal::Signal};

use crate::{
    foreign::Foreign,
    steps::{detach, has_tc, knock, on, start, stop, two_links, until, xdp_filter, xdp_id},
};

/// In a documented range, and in none.
const LISTED: &str = "13.71.171.9";
const STRANGER: &str = "198.51.100.7";
const MTU: u32 = 1500;

/// Packets from listed sources, and from others.
fn counts(daemon: &Daemon) -> [u64; 2] {
    let scrape = daemon.scrape().unwrap();
    ["d365_smtp_packets_total", "d365_unlisted_smtp_packets_total"].map(|name| scrape.sum(name, &[]))
}

/// Sends three packets from a listed source and two from another one, and checks that they are counted.
fn counts_on(daemon: &Daemon, lab: &Lab) {
    let [listed, unlisted] = counts(daemon);
    knock(lab.link(), &[LISTED; 3]);
    knock(lab.link(), &[STRANGER; 2]);
    until(10, || counts(daemon) == [listed + 3, unlisted + 2], || format!("{:?}", counts(daemon)));
}

/// The names of the tcx programs on the lab's interface, in order.
fn tcx(lab: &Lab) -> Vec<String> {
    let query = || SchedClassifier::query_tcx(lab.iface(), TcAttachType::Ingress).unwrap();
    let (_, programs) = lab.host.run(query);
    programs.iter().map(|program| program.name_as_str().unwrap().to_owned()).collect()
}

/// xdp-filter runs behind libxdp's dispatcher, which holds the interface.
#[test]
fn beside_the_dispatcher_of_libxdp() {
    require!(Root, Tool("ip"), Tool("xdp-filter"), Daemon);
    for (theirs, ours) in [("native", "auto"), ("skb", "auto"), ("native", "tc"), ("skb", "tc")] {
        let lab = Lab::new().unwrap();
        let _view = xdp_filter(&lab, theirs);
        let before = xdp_id(&lab.host, lab.iface());
        let daemon = start(&lab, &["--mode", ours]);
        counts_on(&daemon, &lab);
        let labels = [("iface", lab.iface()), ("mode", "tc")];
        assert_eq!(daemon.scrape().unwrap().count("d365_attached", &labels), 1, "{theirs}, {ours}");
        stop(daemon);
        assert_eq!(xdp_id(&lab.host, lab.iface()), before, "{theirs}, {ours}");
    }
}

#[test]
fn before_and_after_the_programs_of_others() {
    require!(Root, Tool("ip"), Kernel(6, 6, "tcx"), Daemon);
    for (order, expected) in
        [("first", ["d365_tc", "foreign", "foreign"]), ("last", ["foreign", "foreign", "d365_tc"])]
    {
        let lab = Lab::new().unwrap();
        let mut others = [Foreign::marking(1), Foreign::marking(2)];
        lab.host.run(|| others.iter_mut().for_each(|other| other.attach(lab.iface(), false)));
        let daemon = start(&lab, &["--mode", "tc", "--tag", "mark", "--tc-order", order]);
        assert_eq!(tcx(&lab), expected);
        counts_on(&daemon, &lab);
        stop(daemon);
        assert_eq!(tcx(&lab), ["foreign", "foreign"]);
        lab.host.run(|| drop(others));
    }
}

/// Somebody detaches the program, and later the interface is deleted and created again.
#[test]
fn it_is_attached_again_and_counts_on() {
    require!(Root, Tool("ip"), Tool("bpftool"), Kernel(6, 6, "tcx"), Daemon);
    let lab = Lab::new().unwrap();
    let daemon = start(&lab, &["--mode", "tc", "--tag", "mark"]);
    let id = || {
        let query = || SchedClassifier::query_tcx(lab.iface(), TcAttachType::Ingress).unwrap();
        let (_, programs) = lab.host.run(query);
        let ours = programs.iter().find(|program| program.name_as_str() == Some(names::PROGRAM_TC));
        ours.unwrap().id().to_string()
    };
    counts_on(&daemon, &lab);
    detach(&daemon, &lab.host, &[&id()]);
    let reattached = || daemon.scrape().unwrap().sum("d365_reattached_total", &[]);
    until(5, || has_tc(&lab.host, lab.iface()) && reattached() == 1, || daemon.log());
    counts_on(&daemon, &lab);
    lab.host.ip(&["link", "del", "dev", lab.iface()]).unwrap();
    veth::connect(&lab.link().sender, &lab.link().host, MTU).unwrap();
    until(5, || reattached() == 2 && has_tc(&lab.host, lab.iface()), || daemon.log());
    counts_on(&daemon, &lab);
    assert_eq!(daemon.scrape().unwrap().sum("d365_tag_attached", &[]), 1);
    stop(daemon);
    assert!(!has_tc(&lab.host, lab.iface()));
}

/// `auto` takes the program that reads from the IP header on. With drops on, the stack sees no connection
/// from strangers.
#[test]
fn a_tun_device_is_watched() {
    require!(Root, Tool("ip"), Tun, Daemon);
    let netns = Netns::new().unwrap();
    let tun = Tun::new(&netns, Kind::Tun).unwrap();
    let flags = ["--lease", "never", "--unlisted", "drop", "--tag", "mark,dscp"];
    let daemon = Daemon::start(&netns, &DaemonOptions::on(&[&tun.name]).args(flags)).unwrap();
    daemon
        .wait_for_log("new connections are dropped while the lease holds", Duration::from_secs(10))
        .unwrap();
    let send = |source: &str| {
        let packet =
            Packet::between(source.parse().unwrap(), [10, 9, 9, 9].into(), Tcp::new(40_000, 25).syn());
        tun.send(&packet.bytes).unwrap();
    };
    (0..3).for_each(|_| send(LISTED));
    (0..2).for_each(|_| send(STRANGER));
    let expected = [3, 2, 2, 3, 3];
    let counted = || {
        let scrape = daemon.scrape().unwrap();
        let sum =
            |name: &str, labels: &[(&str, &str)]| scrape.sum(&format!("d365_{name}_packets_total"), labels);
        [
            sum("smtp", &[]),
            sum("unlisted_smtp", &[]),
            sum("unlisted_dropped", &[]),
            sum("tagged", &[("tag", "mark")]),
            sum("tagged", &[("tag", "dscp")]),
        ]
    };
    until(10, || counted() == expected, || format!("{:?}\n{}", counted(), daemon.log()));
    assert_eq!(daemon.scrape().unwrap().sum("d365_attached", &[("mode", "tc")]), 1);
    stop(daemon);
}

/// Another owner's XDP program takes the place of the daemon's. `auto` continues by tc, which marks too.
#[test]
fn auto_continues_by_tc_and_marks_once() {
    require!(Root, Tool("ip"), Tool("bpftool"), Tool("xdp-filter"), Kernel(6, 6, "tcx"), Daemon);
    let lab = Lab::new().unwrap();
    let daemon = start(&lab, &["--lease", "never", "--tag", "mark"]);
    assert_eq!(tcx(&lab), ["d365_tag"]);
    daemon.signal(Signal::SIGSTOP).unwrap();
    detach(&daemon, &lab.host, &[&xdp_id(&lab.host, lab.iface())]);
    let _view = xdp_filter(&lab, "native");
    daemon.signal(Signal::SIGCONT).unwrap();
    let attached = || daemon.scrape().unwrap().sum("d365_attached", &[("mode", "tc")]) == 1;
    until(5, attached, || daemon.log());
    assert_eq!(tcx(&lab), ["d365_tc"]);
    let tagged = || daemon.scrape().unwrap().sum("d365_tagged_packets_total", &[("tag", "mark")]);
    let before = tagged();
    counts_on(&daemon, &lab);
    assert_eq!(tagged() - before, 3);
    assert_eq!(daemon.scrape().unwrap().sum("d365_tag_attached", &[]), 1);
    daemon.wait_for_line(&["attached by tc", "there is an XDP program: "], Duration::from_secs(5)).unwrap();
    stop(daemon);
}

/// Two daemons on one interface count for themselves, and neither detaches the other's program.
#[test]
fn two_daemons_on_one_interface() {
    require!(Root, Tool("ip"), Kernel(6, 6, "tcx"), Daemon);
    let lab = Lab::new().unwrap();
    let first = start(&lab, &["--mode", "tc"]);
    let options = on(&lab, &["--mode", "tc"]).listen("127.0.0.1:9366".parse().unwrap());
    let second = Daemon::start(&lab.host, &options).unwrap();
    counts_on(&first, &lab);
    until(5, || counts(&second) == [3, 2], || second.log());
    stop(second);
    counts_on(&first, &lab);
    stop(first);
}

/// The names of the filters at the ingress of an interface.
fn filters(netns: &Netns, interface: &str) -> String {
    netns.output(Command::new("tc").args(["filter", "show", "dev", interface, "ingress"])).unwrap()
}

/// A filter outlives a daemon that is killed. It must not count in the row that another interface gets, nor
/// next to the program of a daemon that attaches to its interface later.
#[test]
fn the_filter_of_a_killed_daemon_does_not_count_on() {
    require!(Root, Tool("ip"), Tool("tc"), Daemon);
    let lab = two_links();
    let [one, two] = &lab.links[..] else { unreachable!() };
    let view = View::new(&lab.host, &[Mount::Sysfs, Mount::Bpffs]).unwrap();
    // A kernel without tcx.
    let without = BpfFault::of(command::LINK_CREATE, Errno::EINVAL);
    let on = |link: &Link| {
        let options = DaemonOptions::on(&[&link.host.name]).args(["--mode", "tc", "--keep-attached"]);
        options.view(&view).fault(without)
    };
    let has_filter = |link: &Link| filters(&lab.host, &link.host.name).contains("d365_tc");
    let killed = Daemon::start(&lab.host, &on(one)).unwrap();
    killed.stop_by(Signal::SIGKILL).unwrap();
    assert!(has_filter(one));
    let daemon = Daemon::start(&lab.host, &on(two)).unwrap();
    assert!(!has_filter(one) && has_filter(two), "{}", daemon.log());
    knock(one, &[LISTED; 3]);
    knock(two, &[LISTED; 2]);
    until(10, || counts(&daemon)[0] == 2, || format!("{:?}", counts(&daemon)));
    stop(daemon);
}
