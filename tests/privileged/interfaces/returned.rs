//! Interfaces that lose their program, go and return, or come after the start: the daemon attaches again, and
//! their counters go on.

use std::{thread, time::Duration};

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    lab::Lab,
    netns::Netns,
    require,
    tun::{Kind, Tun},
    veth,
};
use d365_user::{exit::Exit, kernel::Interface};
use nix::sys::signal::Signal;

use super::{LIMIT, LISTED, PATIENCE, comes_and_goes, create, delete, is_ready, of};
use crate::{
    bad_input::refused,
    steps::{detach, has_xdp, knock, start, started, stop, two_links, until, xdp_filter, xdp_id},
};

/// `ARPHRD_PPP` (`linux/if_arp.h`).
const PPP: u64 = 512;

#[test]
fn an_interface_that_is_deleted_and_created_again_is_attached_and_counts_on() {
    require!(Root, Tool("ip"), Daemon);
    let lab = two_links();
    let names: Vec<&str> = lab.links.iter().map(|link| link.host.name.as_str()).collect();
    let daemon = Daemon::start(&lab.host, &DaemonOptions::on(&names)).unwrap();
    comes_and_goes(&lab, daemon, delete, || {}, create);
}

/// An interface gets another name, and a new interface gets its name: the daemon stays with the first. When
/// that is deleted, the name leads to the new one.
#[test]
fn a_name_leads_to_another_interface_only_when_its_own_is_gone() {
    require!(Root, Tool("ip"), Daemon);
    let (lab, daemon) = started(&[]);
    let (link, renamed) = (lab.link(), veth::unique_name("new"));
    let ip = |args: &[&str]| lab.host.ip(args).unwrap();
    // Before Linux 6.2 an interface must be down to get another name.
    ip(&["link", "set", "dev", &link.host.name, "down"]);
    ip(&["link", "set", "dev", &link.host.name, "name", &renamed]);
    ip(&["link", "set", "dev", &renamed, "up"]);
    daemon.wait_for_log("the interface has a new name", PATIENCE).unwrap();
    ip(&["link", "add", &link.host.name, "type", "veth", "peer", "name", &veth::unique_name("peer")]);
    thread::sleep(Duration::from_secs(4));
    assert!(has_xdp(&lab.host, &renamed) && !has_xdp(&lab.host, &link.host.name));
    assert!(is_ready(&daemon));
    ip(&["link", "del", "dev", &renamed]);
    until(LIMIT, || has_xdp(&lab.host, &link.host.name) && is_ready(&daemon), || daemon.log());
    stop(daemon);
}

#[test]
fn a_program_that_is_taken_away_is_attached_again_unless_another_takes_its_place() {
    require!(Root, Tool("ip"), Tool("bpftool"), Tool("xdp-filter"), Daemon);
    let (lab, daemon) = started(&["--mode", "native"]);
    let link = lab.link();
    detach(&daemon, &lab.host, &[&xdp_id(&lab.host, lab.iface())]);
    until(LIMIT, || has_xdp(&lab.host, lab.iface()), || daemon.log());
    daemon.wait_for_log("attached again", PATIENCE).unwrap();
    until(LIMIT, || is_ready(&daemon), || daemon.log());
    knock(link, &[LISTED; 3]);
    until(LIMIT, || of(&daemon, "d365_smtp_packets_total", link) == 3, || daemon.log());

    lab.host.ip(&["link", "set", "dev", lab.iface(), "down"]).unwrap();
    let moved = lab.sender.clone();
    lab.host.ip(&["link", "set", "dev", lab.iface(), "netns", &moved.path()]).unwrap();
    let elsewhere = link.host_in(&moved);
    until(LIMIT, || !has_xdp(&moved, lab.iface()), || daemon.log());
    let other = Lab { host: moved.clone(), sender: moved.clone(), links: vec![elsewhere] };
    let _view = xdp_filter(&other, "native");
    moved.ip(&["link", "set", "dev", lab.iface(), "netns", &lab.host.path()]).unwrap();
    daemon.wait_for_log("already has an XDP program: xdp", PATIENCE).unwrap();
    thread::sleep(Duration::from_secs(5));
    assert_eq!(daemon.log().matches("cannot attach iface").count(), 1, "{}", daemon.log());
    let body = daemon.get("/readyz", &[]).unwrap().body;
    assert!(body.contains("already has an XDP program: xdp"), "{body}");
    lab.host.ip(&["link", "set", "dev", lab.iface(), "xdp", "off"]).unwrap();
    until(LIMIT, || is_ready(&daemon), || daemon.log());
    assert_eq!(of(&daemon, "d365_reattached_total", link), 2);
    stop(daemon);
}

#[test]
fn an_interface_that_comes_after_the_start_is_attached() {
    require!(Root, Tool("ip"), Daemon);
    let lab = two_links();
    let [here, comes] = &lab.links[..] else { unreachable!() };
    delete(comes);
    let names = [here.host.name.as_str(), comes.host.name.as_str()];
    refused(&lab.host, &DaemonOptions::on(&names), Exit::Interface, &[names[1], "ip -br link"]);
    let waiting = DaemonOptions::on(&names).args(["--wait-for-iface", "--tag", "mark", "--lease", "never"]);
    let daemon = Daemon::spawn(&lab.host, &waiting).unwrap();
    daemon.wait_for_log("metrics url=", PATIENCE).unwrap();
    let body = daemon.get("/readyz", &[]).unwrap().body;
    assert!(body.contains(&format!("{} (no interface has this name yet)", names[1])), "{body}");
    assert_eq!([here, comes].map(|link| of(&daemon, "d365_attached", link)), [1, 0]);
    create(comes);
    until(LIMIT, || is_ready(&daemon), || daemon.log());
    for link in [here, comes] {
        knock(link, &[LISTED; 2]);
        until(LIMIT, || of(&daemon, "d365_smtp_packets_total", link) == 2, || daemon.log());
    }
    assert_eq!([here, comes].map(|link| of(&daemon, "d365_tag_attached", link)), [1, 1]);
    stop(daemon);
}

/// Both interfaces go, and each name returns with the index of the other.
#[test]
fn names_that_return_with_each_others_index_count_as_named() {
    require!(Root, Tool("ip"), Daemon);
    let lab = two_links();
    let names = [0, 1].map(|link: usize| lab.links[link].host.name.clone());
    let daemon = Daemon::start(&lab.host, &DaemonOptions::on(&[&names[0], &names[1]])).unwrap();
    let find = |name: &String| lab.host.run(|| Interface::find(name).unwrap().index.to_string());
    let indexes = [find(&names[0]), find(&names[1])];
    lab.links.iter().for_each(delete);
    for (link, index) in lab.links.iter().zip([&indexes[1], &indexes[0]]) {
        let peer = ["peer", "name", &link.sender.name, "netns", &lab.sender.path()];
        let add = ["link", "add", "name", &link.host.name, "index", index, "type", "veth"];
        lab.host.ip(&[&add[..], &peer].concat()).unwrap();
        for end in [&link.host, &link.sender] {
            end.netns.ip(&["link", "set", "dev", &end.name, "arp", "off", "up"]).unwrap();
        }
        [&link.host, &link.sender].into_iter().try_for_each(veth::wait_for_carrier).unwrap();
    }
    until(LIMIT, || is_ready(&daemon), || daemon.log());
    for (link, packets) in lab.links.iter().zip([2, 3]) {
        assert!(has_xdp(&lab.host, &link.host.name));
        knock(link, &vec![LISTED; packets]);
        let count = packets as u64;
        until(LIMIT, || of(&daemon, "d365_smtp_packets_total", link) == count, || daemon.log());
    }
    stop(daemon);
}

/// A port of a bridge returns. The daemon's program on the bridge makes way until the port has one.
#[test]
fn a_lower_device_returns_below_a_device_with_our_program() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let (port, bridge) = (lab.link(), veth::unique_name("br"));
    let ip = |args: &[&str]| lab.host.ip(args).unwrap();
    ip(&["link", "add", &bridge, "type", "bridge"]);
    ip(&["link", "set", "dev", &bridge, "up"]);
    ip(&["link", "set", "dev", lab.iface(), "master", &bridge]);
    let options = DaemonOptions::on(&[&bridge, lab.iface()]).args(["--mode", "generic"]);
    let daemon = Daemon::start(&lab.host, &options).unwrap();
    detach(&daemon, &lab.host, &[&xdp_id(&lab.host, lab.iface())]);
    let have = || has_xdp(&lab.host, lab.iface()) && has_xdp(&lab.host, &bridge);
    until(LIMIT, || have() && is_ready(&daemon), || daemon.log());
    delete(port);
    let peer = ["peer", "name", &port.sender.name, "netns", &lab.sender.path()];
    let add = ["link", "add", "name", &port.host.name, "master", &bridge, "type", "veth"];
    ip(&[&add[..], &peer].concat());
    until(LIMIT, || have() && is_ready(&daemon), || daemon.log());
    stop(daemon);
}

/// Somebody else's program holds a port that has returned. The bridge above it keeps the daemon's program.
#[test]
fn a_lower_device_that_cannot_be_attached_costs_the_upper_one_nothing() {
    require!(Root, Tool("ip"), Tool("bpftool"), Tool("xdp-filter"), Daemon);
    let lab = Lab::new().unwrap();
    let bridge = veth::unique_name("br");
    let ip = |args: &[&str]| lab.host.ip(args).unwrap();
    ip(&["link", "add", &bridge, "type", "bridge"]);
    ip(&["link", "set", "dev", &bridge, "up"]);
    delete(lab.link());
    let options = DaemonOptions::on(&[&bridge, lab.iface()]).args(["--mode", "generic", "--wait-for-iface"]);
    let daemon = Daemon::spawn(&lab.host, &options).unwrap();
    daemon.wait_for_log("metrics url=", PATIENCE).unwrap();
    create(lab.link());
    until(LIMIT, || is_ready(&daemon), || daemon.log());
    daemon.signal(Signal::SIGSTOP).unwrap();
    delete(lab.link());
    create(lab.link());
    let _view = xdp_filter(&lab, "native");
    ip(&["link", "set", "dev", lab.iface(), "master", &bridge]);
    let before = xdp_id(&lab.host, &bridge);
    daemon.signal(Signal::SIGCONT).unwrap();
    daemon.wait_for_log("already has an XDP program: xdp", PATIENCE).unwrap();
    thread::sleep(Duration::from_secs(5));
    let scrape = daemon.scrape().unwrap();
    assert_eq!(scrape.count("d365_reattached_total", &[("iface", &bridge)]), 0, "{}", daemon.log());
    assert_eq!(xdp_id(&lab.host, &bridge), before);
    stop(daemon);
}

/// A tun device that takes the place of the interface is refused. When the interface returns, it is attached.
#[test]
fn an_interface_that_was_left_as_unfit_is_attached_when_it_returns() {
    require!(Root, Tool("ip"), Tun, Daemon);
    let netns = Netns::new().unwrap();
    let tap = Tun::new(&netns, Kind::Tap).unwrap();
    let name = tap.name.clone();
    let daemon = Daemon::start(&netns, &DaemonOptions::on(&[&name])).unwrap();
    tap.set_link_type(PPP).unwrap();
    daemon.wait_for_log("the interface is left", PATIENCE).unwrap();
    netns.ip(&["link", "delete", &name]).unwrap();
    netns.ip(&["link", "add", &name, "type", "veth", "peer", "name", &veth::unique_name("peer")]).unwrap();
    until(LIMIT, || has_xdp(&netns, &name) && is_ready(&daemon), || daemon.log());
    stop(daemon);
}

/// An interface that returns gets its address later than the program. Its own subnet is never dropped.
#[test]
fn the_subnet_of_an_interface_that_returns_is_not_dropped() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let daemon = start(&lab, &["--lease", "never", "--unlisted", "drop"]);
    delete(lab.link());
    create(lab.link());
    until(LIMIT, || is_ready(&daemon), || daemon.log());
    lab.host.ip(&["address", "add", "198.51.100.25/24", "dev", lab.iface()]).unwrap();
    let added = ["this host's addresses have changed", "198.51.100.0/24"];
    daemon.wait_for_line(&added, Duration::from_secs(2)).unwrap();
    knock(lab.link(), &["198.51.100.7"; 5]);
    knock(lab.link(), &["192.0.2.9"; 3]);
    until(LIMIT, || of(&daemon, "d365_unlisted_smtp_packets_total", lab.link()) == 8, || daemon.log());
    assert_eq!(of(&daemon, "d365_unlisted_dropped_packets_total", lab.link()), 3, "only the strangers");
    stop(daemon);
}

#[test]
fn nothing_is_attached_again_if_the_operator_does_not_want_it() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let daemon = start(&lab, &["--no-reattach"]);
    delete(lab.link());
    daemon.wait_for_log("not attached: packets", PATIENCE).unwrap();
    create(lab.link());
    thread::sleep(Duration::from_secs(LIMIT));
    assert!(!has_xdp(&lab.host, lab.iface()) && !is_ready(&daemon));
    stop(daemon);
}
