//! Interfaces that match a pattern and cannot be watched: they are left out, or the start fails with their
//! reason and leaves the earlier daemon's programs.

use std::{thread, time::Duration};

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    lab::Lab,
    require,
    service_manager::ServiceManager,
    tun::{Kind, Tun},
};
use d365_user::exit::Exit;

use super::{
    LIMIT, LISTED, PATIENCE, is_ready, of,
    patterns::{HOSTS, known, pair},
};
use crate::{
    bad_input::{has_refused, refused},
    steps::{has_xdp, knock, stop, two_links, until, xdp_filter},
};

/// The loopback, devices without an Ethernet header and interfaces with a program of somebody else do not
/// keep the daemon from the others.
#[test]
fn an_interface_that_cannot_be_watched_is_left_out() {
    require!(Root, Tool("ip"), Tool("xdp-filter"), Tun, Daemon);
    let lab = two_links();
    let [one, two] = &lab.links[..] else { unreachable!() };
    let tun = Tun::new(&lab.host, Kind::Tun).unwrap();
    let occupied = Lab { host: lab.host.clone(), sender: lab.sender.clone(), links: vec![two.clone()] };
    let _view = xdp_filter(&occupied, "native");
    let options = DaemonOptions::on(&["l?", "tun*", HOSTS]).args(["--mode", "native"]);
    let daemon = Daemon::start(&lab.host, &options).unwrap();
    assert_eq!(known(&daemon), [one.host.name.as_str()]);
    let (left_out, other) =
        ("an interface that matches a pattern is not attached", "already has an XDP program");
    daemon
        .wait_for_line(&[left_out, &format!(" iface={} ", tun.name), "begin with the IP header"], PATIENCE)
        .unwrap();
    daemon.wait_for_line(&[left_out, &format!(" iface={} ", two.host.name), other], PATIENCE).unwrap();
    assert!(!has_xdp(&lab.host, "lo") && !has_xdp(&lab.host, &tun.name));
    // The daemon tries a few times, and logs each reason once.
    thread::sleep(Duration::from_secs(5));
    assert_eq!(daemon.log().matches(left_out).count(), 2, "{}", daemon.log());
    let left_out = || daemon.scrape().unwrap().count("d365_interfaces_left_out", &[]);
    assert_eq!(left_out(), 2);
    lab.host.ip(&["link", "set", "dev", &two.host.name, "xdp", "off"]).unwrap();
    until(LIMIT, || of(&daemon, "d365_attached", two) == 1, || daemon.log());
    knock(two, &[LISTED; 2]);
    until(LIMIT, || of(&daemon, "d365_smtp_packets_total", two) == 2, || daemon.log());
    assert!(is_ready(&daemon));
    assert_eq!(left_out(), 1);
    stop(daemon);
}

/// The row has the name of the interface that was renamed. The new one is left out, and reported.
#[test]
fn an_interface_with_the_name_of_a_renamed_one_is_left_out() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let ip = |args: &[&str]| lab.host.ip(args).unwrap();
    let daemon = Daemon::start(&lab.host, &DaemonOptions::on(&[HOSTS])).unwrap();
    let name = lab.iface();
    ip(&["link", "set", "dev", name, "down"]);
    ip(&["link", "set", "dev", name, "name", "renamed0"]);
    pair(&lab.host, name);
    daemon
        .wait_for_line(&["pattern is not attached", name, "label of another interface", "restart"], PATIENCE)
        .unwrap();
    assert_eq!(daemon.scrape().unwrap().count("d365_interfaces_left_out", &[]), 1);
    assert!(!has_xdp(&lab.host, name) && has_xdp(&lab.host, "renamed0"));
    // The name leads to the new one when the renamed one is gone.
    ip(&["link", "del", "renamed0"]);
    until(LIMIT, || has_xdp(&lab.host, name) && is_ready(&daemon), || daemon.log());
    assert_eq!(daemon.scrape().unwrap().count("d365_interfaces_left_out", &[]), 0);
    stop(daemon);
}

/// Nothing of the earlier daemon changes if no interface can be watched.
#[test]
fn a_start_that_fails_leaves_the_earlier_program() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let manager = ServiceManager::start().unwrap();
    let on = |pattern: &str| DaemonOptions::on(&[pattern]).managed(&manager);
    let daemon = Daemon::start(&lab.host, &on(HOSTS)).unwrap();
    knock(lab.link(), &[LISTED; 3]);
    until(LIMIT, || of(&daemon, "d365_smtp_packets_total", lab.link()) == 3, || daemon.log());
    stop(daemon);
    lab.host.ip(&["link", "add", "ifb9", "up", "type", "ifb"]).unwrap();
    for pattern in ["none*", "ifb*"] {
        let exit = Daemon::run(&lab.host, &on(pattern)).unwrap();
        has_refused(&exit, Exit::Interface, &[pattern.trim_end_matches('*')]);
        assert!(has_xdp(&lab.host, lab.iface()), "{pattern}");
    }
    let daemon = Daemon::start(&lab.host, &on(HOSTS)).unwrap();
    assert_eq!(of(&daemon, "d365_smtp_packets_total", lab.link()), 3);
    stop(daemon);
    manager.stop();
}

/// The earlier daemon watched it by tc. It only matches a pattern, so this one leaves it out.
#[test]
fn a_known_interface_that_does_not_fit_any_more_is_left_out() {
    require!(Root, Tool("ip"), Link("bridge"), Daemon);
    let lab = Lab::new().unwrap();
    let manager = ServiceManager::start().unwrap();
    lab.host.ip(&["link", "add", "mx-bridge", "up", "type", "bridge"]).unwrap();
    let options = |mode| DaemonOptions::on(&[HOSTS]).args(["--mode", mode]).managed(&manager);
    let daemon = Daemon::start(&lab.host, &options("auto")).unwrap();
    assert!(known(&daemon).contains(&"mx-bridge".to_owned()));
    stop(daemon);
    for _ in 0..2 {
        let daemon = Daemon::start(&lab.host, &options("native")).unwrap();
        assert_eq!(known(&daemon), [lab.iface()]);
        assert!(is_ready(&daemon));
        assert_eq!(daemon.scrape().unwrap().count("d365_interfaces_left_out", &[]), 1);
        daemon.wait_for_line(&["pattern is not attached", "mx-bridge"], PATIENCE).unwrap();
        stop(daemon);
    }
    manager.stop();
}

/// The row of an earlier daemon changes nothing about the reason.
#[test]
fn a_start_that_fails_for_a_known_interface_has_its_reason() {
    require!(Root, Tool("ip"), Tool("xdp-filter"), Daemon);
    let lab = Lab::new().unwrap();
    let manager = ServiceManager::start().unwrap();
    let options = DaemonOptions::on(&[HOSTS]).args(["--mode", "native"]).managed(&manager);
    stop(Daemon::start(&lab.host, &options).unwrap());
    lab.host.run(|| manager.tamper(|store| store.retain(|(name, _)| !name.starts_with("xdp-"))));
    until(LIMIT, || !has_xdp(&lab.host, lab.iface()), || "the program of the earlier daemon".to_owned());
    let _view = xdp_filter(&lab, "native");
    refused(&lab.host, &options, Exit::Occupied, &[lab.iface(), "already has an XDP program"]);
}
