//! Patterns of `--iface`: they find interfaces at the start and later, and end at the number of rows.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    thread,
    time::Duration,
};

use d365_common::names::MAX_INTERFACES;
use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    lab::{Lab, LabOptions},
    netns::Netns,
    require,
    service_manager::ServiceManager,
    tun::{Kind, Tun},
    veth,
};
use d365_user::{exit::Exit, kernel::Interface};

use super::{LIMIT, LISTED, PATIENCE, create, delete, is_ready, of};
use crate::{
    bad_input::refused,
    steps::{SetOnDrop, has_xdp, knock, shell, stop, two_links, until, xdp_filter},
};

/// A pattern that matches the hosts' ends of a lab.
pub(super) const HOSTS: &str = "mx*";

/// The interfaces that the metrics know.
pub(super) fn known(daemon: &Daemon) -> Vec<String> {
    let scrape = daemon.scrape().unwrap();
    let mut known: Vec<_> =
        scrape.select("d365_reattached_total", &[]).map(|sample| sample.labels["iface"].clone()).collect();
    known.sort();
    known
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

/// Creates a pair of interfaces, one of them with this name.
pub(super) fn pair(netns: &Netns, name: &str) {
    netns.ip(&["link", "add", name, "type", "veth", "peer", "name", &veth::unique_name("peer")]).unwrap();
}

#[test]
fn a_pattern_finds_interfaces_at_the_start_and_later() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::with(LabOptions { links: 3, ..LabOptions::default() }).unwrap();
    let [one, two, later] = &lab.links[..] else { unreachable!() };
    delete(later);
    let daemon = Daemon::start(&lab.host, &DaemonOptions::on(&[HOSTS])).unwrap();
    let two_names = sorted(vec![one.host.name.clone(), two.host.name.clone()]);
    assert_eq!(known(&daemon), two_names);
    create(later);
    until(LIMIT, || of(&daemon, "d365_attached", later) == 1, || daemon.log());
    daemon.wait_for_line(&[" attached iface=", &later.host.name], PATIENCE).unwrap();
    for (link, packets) in lab.links.iter().zip(1..) {
        knock(link, &vec![LISTED; packets]);
        until(LIMIT, || of(&daemon, "d365_smtp_packets_total", link) == packets as u64, || daemon.log());
    }
    assert_eq!(of(&daemon, "d365_reattached_total", one), 0);

    // Its name is known by now: the daemon misses it, and its counters go on.
    delete(later);
    until(LIMIT, || !is_ready(&daemon), || daemon.log());
    create(later);
    until(LIMIT, || is_ready(&daemon), || daemon.log());
    knock(later, &[LISTED; 2]);
    until(LIMIT, || of(&daemon, "d365_smtp_packets_total", later) == 5, || daemon.log());

    // An alternative name matches too, and is the label.
    let netns = &lab.host;
    pair(netns, "other0");
    netns.ip(&["link", "property", "add", "dev", "other0", "altname", "mx-by-another-name"]).unwrap();
    until(LIMIT, || has_xdp(netns, "other0"), || daemon.log());
    assert!(known(&daemon).contains(&"mx-by-another-name".to_owned()), "{:?}", known(&daemon));
    stop(daemon);
    assert!(!has_xdp(netns, "other0") && lab.links.iter().all(|link| !has_xdp(netns, &link.host.name)));
}

#[test]
fn a_start_without_an_interface_fails_or_waits() {
    require!(Root, Tool("ip"), Tool("xdp-filter"), Tun, Daemon);
    let lab = Lab::new().unwrap();
    let on = |pattern: &str| DaemonOptions::on(&[pattern]);
    for (pattern, exit, words) in [
        ("none*", Exit::Interface, &["none*", "ip -br link"][..]),
        ("lo*", Exit::Interface, &["lo*", "loopback"]),
        ("none[", Exit::Usage, &["none[", "no valid pattern"]),
    ] {
        refused(&lab.host, &on(pattern), exit, words);
    }
    let tun = Tun::new(&lab.host, Kind::Tun).unwrap();
    let native = on("tun*").args(["--mode", "native"]);
    refused(&lab.host, &native, Exit::Interface, &[&tun.name, "begin with the IP header"]);
    {
        let _view = xdp_filter(&lab, "native");
        let native = on(HOSTS).args(["--mode", "native"]);
        refused(&lab.host, &native, Exit::Occupied, &[lab.iface(), "already has an XDP program"]);
        lab.host.ip(&["link", "set", "dev", lab.iface(), "xdp", "off"]).unwrap();
    }
    // A name that is given must exist, whatever else matches.
    refused(&lab.host, &on(HOSTS).args(["--iface", "none0"]), Exit::Interface, &["none0"]);

    delete(lab.link());
    let daemon = Daemon::spawn(&lab.host, &on(HOSTS).args(["--wait-for-iface"])).unwrap();
    daemon.wait_for_log("metrics url=", PATIENCE).unwrap();
    let body = daemon.get("/readyz", &[]).unwrap().body;
    assert!(body.contains("mx* (no interface that can be watched matches yet)"), "{body}");
    assert_eq!(known(&daemon), [""; 0]);
    create(lab.link());
    until(LIMIT, || is_ready(&daemon), || daemon.log());
    knock(lab.link(), &[LISTED; 2]);
    until(LIMIT, || of(&daemon, "d365_smtp_packets_total", lab.link()) == 2, || daemon.log());
    stop(daemon);
}

/// A bridge is given by its name, and its port by a pattern: the port gets its program first.
#[test]
fn a_lower_device_that_matches_is_attached_below_a_named_one() {
    require!(Root, Tool("ip"), Link("bridge"), Daemon);
    let lab = Lab::new().unwrap();
    let ip = |args: &[&str]| lab.host.ip(args).unwrap();
    ip(&["link", "add", "bridge0", "up", "type", "bridge"]);
    ip(&["link", "set", "dev", lab.iface(), "master", "bridge0"]);
    let options = DaemonOptions::on(&["bridge0", HOSTS]).args(["--mode", "generic"]);
    let daemon = Daemon::start(&lab.host, &options).unwrap();
    assert!(has_xdp(&lab.host, "bridge0") && has_xdp(&lab.host, lab.iface()));
    assert_eq!(known(&daemon), ["bridge0".to_owned(), lab.iface().to_owned()]);
    // A port that comes later.
    pair(&lab.host, "mx-port");
    ip(&["link", "set", "dev", "mx-port", "master", "bridge0"]);
    until(LIMIT, || has_xdp(&lab.host, "mx-port") && has_xdp(&lab.host, "bridge0"), || daemon.log());
    until(LIMIT, || is_ready(&daemon), || daemon.log());
    stop(daemon);
}

#[test]
fn a_pattern_is_resolved_once_if_nothing_is_attached_again() {
    require!(Root, Tool("ip"), Daemon);
    let lab = two_links();
    let [one, later] = &lab.links[..] else { unreachable!() };
    delete(later);
    let options = DaemonOptions::on(&[HOSTS, "none*"]).args(["--no-reattach"]);
    let daemon = Daemon::start(&lab.host, &options).unwrap();
    daemon.wait_for_line(&["no interface matches the pattern", " iface=none*"], PATIENCE).unwrap();
    create(later);
    thread::sleep(Duration::from_secs(LIMIT));
    assert_eq!(known(&daemon), [one.host.name.as_str()]);
    assert!(!has_xdp(&lab.host, &later.host.name) && is_ready(&daemon));
    stop(daemon);
}

/// The kernel allows any bytes in names.
#[test]
fn names_that_are_not_utf8_hide_no_interface() {
    require!(Root, Tool("ip"), Daemon);
    let lab = two_links();
    let [one, later] = &lab.links[..] else { unreachable!() };
    delete(later);
    let odd = "ip link add \"$(printf 'q\\377')\" type veth peer name odd-peer && ip link property add dev";
    shell(&lab.host, &format!("{odd} {} altname \"$(printf 'mm\\377')\"", one.host.name));
    for names in [[HOSTS].as_slice(), &[&one.host.name]] {
        let daemon = Daemon::start(&lab.host, &DaemonOptions::on(names)).unwrap();
        assert_eq!(known(&daemon), [one.host.name.as_str()]);
        if names == [HOSTS] {
            create(later);
            until(LIMIT, || has_xdp(&lab.host, &later.host.name), || daemon.log());
        }
        stop(daemon);
    }
}

/// A row keeps its interface while the daemon runs. A restart frees the rows of interfaces that are gone, and
/// the counters of the others go on.
#[test]
fn a_row_has_one_interface_and_a_restart_frees_it() {
    require!(Root, Tool("ip"), Daemon);
    let lab = two_links();
    let [stays, goes] = &lab.links[..] else { unreachable!() };
    let manager = ServiceManager::start().unwrap();
    let options = DaemonOptions::on(&[HOSTS]).managed(&manager);
    let daemon = Daemon::start(&lab.host, &options).unwrap();
    for (link, packets) in [(stays, 3), (goes, 4)] {
        knock(link, &vec![LISTED; packets]);
        until(LIMIT, || of(&daemon, "d365_smtp_packets_total", link) == packets as u64, || daemon.log());
    }
    let more: Vec<_> = (2..=MAX_INTERFACES).map(|number| format!("mx-more{number}")).collect();
    let (last, fit) = more.split_last().unwrap();
    fit.iter().for_each(|name| pair(&lab.host, name));
    let all = || known(&daemon).len() == MAX_INTERFACES;
    until(2 * LIMIT, all, || format!("{:?}\n{}", known(&daemon), daemon.log()));
    pair(&lab.host, last);
    let line = ["no row of counters left", &format!("iface={last} ")];
    daemon.wait_for_line(&line, PATIENCE).unwrap();
    delete(goes);
    until(LIMIT, || !is_ready(&daemon), || daemon.log());
    thread::sleep(Duration::from_secs(LIMIT));
    assert!(!known(&daemon).contains(last) && !has_xdp(&lab.host, last));
    assert_eq!(daemon.scrape().unwrap().count("d365_interfaces_left_out", &[]), 1);
    assert_eq!(daemon.log().matches(line[0]).count(), 1, "{}", daemon.log());
    assert_eq!(of(&daemon, "d365_smtp_packets_total", goes), 4);

    // The program stays attached to the interface that is watched on.
    let (done, without) = (AtomicBool::new(false), AtomicU64::new(0));
    let daemon = thread::scope(|scope| {
        scope.spawn(|| {
            lab.host.run(|| {
                let interface = Interface::find(&stays.host.name).unwrap();
                while !done.load(Relaxed) {
                    without.fetch_add(u64::from(interface.xdp().unwrap().is_none()), Relaxed);
                    thread::sleep(Duration::from_micros(150));
                }
            });
        });
        let _done = SetOnDrop(&done);
        stop(daemon);
        Daemon::start(&lab.host, &options).unwrap()
    });
    assert_eq!(without.load(Relaxed), 0, "a moment without a program");
    assert!(has_xdp(&lab.host, last), "{}", daemon.log());
    knock(stays, &[LISTED; 2]);
    until(LIMIT, || of(&daemon, "d365_smtp_packets_total", stays) == 5, || daemon.log());
    // The row of the interface that is gone has another one, and begins at zero.
    let scrape = daemon.scrape().unwrap();
    assert_eq!(scrape.sum("d365_smtp_packets_total", &[]), 5, "{:?}", known(&daemon));
    assert!(known(&daemon).contains(last) && !known(&daemon).contains(&goes.host.name));
    stop(daemon);
    manager.stop();
}
