//! An interface that leaves the daemon's network namespace: the program acts on nothing that the daemon
//! cannot see.

use std::{thread, time::Duration};

use aya::programs::{SchedClassifier, TcAttachType};
use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    lab::{Lab, Link},
    netns::Netns,
    nft, require,
    temp::TempFile,
    veth,
};
use nix::sys::signal::Signal;

use crate::steps::{has_xdp, knock, source, stop, two_links, until};

/// The daemon leaves the interface within this number of seconds.
const LIMIT: u64 = 5;
const PATIENCE: Duration = Duration::from_secs(10);
/// Five connections of a listed and of an unlisted source.
const LISTED: [&str; 5] = ["203.0.113.9"; 5];
const STRANGER: [&str; 5] = ["198.51.100.7"; 5];

/// Starts a daemon that tags and drops on both links.
fn start(lab: &Lab, list: &TempFile, mode: &str) -> Daemon {
    let names: Vec<&str> = lab.links.iter().map(|link| link.host.name.as_str()).collect();
    let on = DaemonOptions::on(&names).args(["--ranges", &source(list.path()), "--allow-special"]);
    let on = on.args(["--lease", "never", "--tag", "mark,dscp", "--unlisted", "drop", "--mode", mode]);
    let daemon = Daemon::start(&lab.host, &on).unwrap();
    daemon
        .wait_for_log("unlisted: new connections are dropped while the lease holds port=25 ", PATIENCE)
        .unwrap();
    daemon
}

fn dropped(daemon: &Daemon, link: &Link) -> u64 {
    daemon.scrape().unwrap().count("d365_unlisted_dropped_packets_total", &[("iface", &link.host.name)])
}

/// Moves the interface to another namespace and brings it up there. The namespace accepts packets from any
/// source.
fn move_to(link: &Link, from: &Netns, to: &Netns) -> Link {
    from.ip(&["link", "set", "dev", &link.host.name, "netns", &to.path()]).unwrap();
    let link = link.host_in(to);
    to.ip(&["address", "add", &link.host_v4().to_string(), "dev", &link.host.name]).unwrap();
    to.sysctl("net/ipv4/conf/all/rp_filter", "0").unwrap();
    to.sysctl(&format!("net/ipv4/conf/{}/rp_filter", link.host.name), "0").unwrap();
    to.ip(&["link", "set", "dev", &link.host.name, "arp", "off", "up"]).unwrap();
    [&link.host, &link.sender].into_iter().try_for_each(veth::wait_for_carrier).unwrap();
    link
}

/// Another namespace. It counts the packets to port 25 and those of them that have a mark or a code point.
fn elsewhere() -> Netns {
    let netns = Netns::new().unwrap();
    let rules = "table inet d365 {
        counter smtp { }
        counter tagged { }
        chain in {
            type filter hook input priority 0;
            tcp dport 25 counter name smtp
            tcp dport 25 meta mark != 0 counter name tagged
            tcp dport 25 ip dscp != cs0 counter name tagged
        }
    }";
    nft::load(&netns, rules).unwrap();
    netns
}

fn arrived(netns: &Netns) -> [u64; 2] {
    ["smtp", "tagged"].map(|counter| nft::packets(netns, "inet d365", counter).unwrap())
}

fn wait_for_unready(daemon: &Daemon, text: &str) -> String {
    let readyz = || daemon.get("/readyz", &[]).unwrap();
    let is_unready = || {
        let response = readyz();
        response.status == 503 && response.body.contains(text)
    };
    until(LIMIT, is_unready, || format!("{:?}\n{}", readyz(), daemon.log()));
    readyz().body
}

fn wait_for_ready(daemon: &Daemon) {
    let readyz = || daemon.get("/readyz", &[]).unwrap();
    until(LIMIT, || readyz().status == 200, || format!("{:?}\n{}", readyz(), daemon.log()));
}

/// The programs at the ingress of an interface: true if it has an XDP program, and the number of tcx
/// programs.
fn programs(link: &Link) -> (bool, usize) {
    let tcx = || SchedClassifier::query_tcx(&link.host.name, TcAttachType::Ingress);
    let tcx = link.host.netns.run(|| tcx().map_or(0, |(_, programs)| programs.len()));
    // Linux before 6.6 has no tcx. There the kernel removes a filter together with its qdisc when the
    // interface moves.
    (has_xdp(&link.host.netns, &link.host.name), tcx)
}

fn left_at_once(mode: &str) {
    let (lab, elsewhere) = (two_links(), elsewhere());
    let list = TempFile::new("list", "203.0.113.0/24,CAN\n");
    let daemon = start(&lab, &list, mode);
    let [stays, goes] = &lab.links[..] else { unreachable!() };
    knock(goes, &STRANGER);
    assert_eq!(dropped(&daemon, goes), 5);

    let moved = move_to(goes, &lab.host, &elsewhere);
    let body = wait_for_unready(&daemon, &goes.host.name);
    assert!(body.contains("moved to another network namespace"), "{body}");
    assert!(!body.contains(&stays.host.name), "{body}");
    assert_eq!(programs(&moved), (false, 0));
    knock(&moved, &STRANGER);
    knock(&moved, &LISTED);
    assert_eq!(arrived(&elsewhere), [10, 0], "nothing is dropped and nothing is tagged there");

    // The interface that stays still drops, but never packets from its own subnets.
    lab.host.ip(&["address", "add", "198.51.100.25/24", "dev", &stays.host.name]).unwrap();
    daemon.signal(Signal::SIGHUP).unwrap();
    daemon.wait_for_line(&["this host's addresses have changed", "198.51.100.0/24"], PATIENCE).unwrap();
    knock(stays, &STRANGER);
    knock(stays, &["192.0.2.9"; 5]);
    assert_eq!([dropped(&daemon, stays), dropped(&daemon, goes)], [5, 5]);
    let scrape = daemon.scrape().unwrap();
    for (link, expected) in [(stays, 1), (goes, 0)] {
        let iface = [("iface", link.host.name.as_str())];
        let shown = ["d365_attached", "d365_tag_attached"].map(|name| scrape.count(name, &iface));
        assert_eq!(shown, [expected; 2], "{}", link.host.name);
    }
    // The daemon checks its attachments once or twice in this time.
    thread::sleep(Duration::from_secs(6));
    assert_eq!(daemon.log().matches("not attached: packets").count(), 1, "{}", daemon.log());

    let back = move_to(&moved, &elsewhere, &lab.host);
    wait_for_ready(&daemon);
    let (xdp, tcx) = programs(&back);
    assert!(if mode == "tc" { tcx > 0 } else { xdp });
    knock(&back, &["192.0.2.9"; 5]);
    assert_eq!([dropped(&daemon, stays), dropped(&daemon, &back)], [5, 10], "its counters go on");
    let iface = [("iface", back.host.name.as_str())];
    assert_eq!(daemon.scrape().unwrap().count("d365_reattached_total", &iface), 1);
    stop(daemon);
    assert_eq!(programs(&back), (false, 0));
}

#[test]
fn a_moved_interface_is_left_at_once_and_attached_when_it_returns() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon);
    ["native", "generic"].into_iter().for_each(left_at_once);
}

#[test]
fn a_moved_interface_is_left_at_once_and_attached_when_it_returns_by_tc() {
    require!(Root, Tool("ip"), Tool("nft"), Kernel(6, 6, "tcx"), Daemon);
    left_at_once("tc");
}

#[test]
fn a_deleted_interface_is_logged_once() {
    require!(Root, Tool("ip"), Daemon);
    let lab = two_links();
    let names: Vec<&str> = lab.links.iter().map(|link| link.host.name.as_str()).collect();
    let daemon = Daemon::start(&lab.host, &DaemonOptions::on(&names)).unwrap();
    let attached = || daemon.scrape().unwrap().sum("d365_attached", &[("iface", names[1])]);
    assert_eq!(attached(), 1);
    lab.host.ip(&["link", "del", "dev", names[1]]).unwrap();
    assert_eq!(attached(), 0);
    let body = wait_for_unready(&daemon, names[1]);
    assert!(body.contains("deleted, or moved") && !body.contains(names[0]), "{body}");
    thread::sleep(Duration::from_secs(6));
    assert_eq!(daemon.log().matches("not attached: packets").count(), 1, "{}", daemon.log());
    stop(daemon);
}
