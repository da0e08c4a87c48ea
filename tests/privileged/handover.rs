//! Restarts under a service manager with a descriptor store: no packet passes without a program, counters and
//! marks continue, and nothing is left behind.

mod another_build;
mod changed_mode;
mod endurance;
mod manager;
mod mode;
mod objects;
mod pins;
mod systemd;
mod watch;

use std::{
    fs,
    net::{IpAddr, TcpListener},
    os::fd::OwnedFd,
    thread,
    time::Duration,
};

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    frame::{Frame, Packet, Tcp},
    lab::{Lab, LabOptions, Link, host_mac, sender_mac},
    raw::FrameSender,
    require,
    scrape::Scrape,
    service_manager::{Named, ServiceManager},
    temp::TempFile,
};
use d365_user::kernel::Interface;

use self::{
    manager::Own,
    mode::{Mode, TCX},
};
use crate::steps::{has_xdp, until};

/// In a documented range, and in none.
const LISTED: &str = "13.71.171.9";
const STRANGER: &str = "198.51.100.7";
const MAPS: [&str; 4] = ["CLASS_COUNTERS", "RANGE_COUNTERS", "RANGE_OWNERS", "ROW_NAMES"];

/// Packets from listed sources, from others, and packets to other ports.
fn counts(scrape: &Scrape) -> [u64; 3] {
    ["d365_smtp_packets_total", "d365_unlisted_smtp_packets_total", "d365_other_packets_total"]
        .map(|name| scrape.sum(name, &[]))
}

fn frames(link: &Link) -> [Vec<u8>; 3] {
    let to = |source: &str, port| {
        let source: IpAddr = source.parse().unwrap();
        let segment = Tcp::new(40_000, port).syn();
        let frame = Frame::new(Packet::between(source, link.host_for(source), segment));
        frame.macs(sender_mac(0), host_mac(0)).bytes()
    };
    [to(LISTED, 25), to(STRANGER, 25), to(LISTED, 26)]
}

/// The names in the store of a daemon with these roles on these interfaces.
fn kept(interfaces: &[u32], roles: &[&str]) -> Vec<String> {
    let mut names: Vec<String> = MAPS.map(str::to_owned).to_vec();
    names.extend(interfaces.iter().flat_map(|index| roles.iter().map(move |role| format!("{role}-{index}"))));
    names.sort();
    names
}

fn index(lab: &Lab, iface: &str) -> u32 {
    lab.host.run(|| Interface::find(iface).unwrap().index)
}

/// A store that has the descriptors of a daemon, which has ended, and the daemon's options.
fn filled_store(lab: &Lab) -> (ServiceManager, DaemonOptions) {
    let manager = ServiceManager::start().unwrap();
    let options = DaemonOptions::on(&[lab.iface()]).managed(&manager);
    Daemon::start(&lab.host, &options).unwrap().stop().unwrap();
    (manager, options)
}

/// Lets a daemon in this mode live under the service manager of the harness.
fn live_in(mode: Mode) {
    let lab = Lab::new().unwrap();
    endurance::leaves_no_gap(&lab, mode, &mut Own::new(&lab.host, &mode::options(&lab, mode.name())));
}

#[test]
fn restarts_kills_and_upgrades_leave_no_gap() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon);
    live_in(Mode::Xdp);
}

#[test]
fn restarts_kills_and_upgrades_leave_no_gap_by_tc() {
    require!(Root, Tool("ip"), Tool("nft"), TCX, Daemon);
    live_in(Mode::Tc);
}

#[test]
fn a_stop_leaves_nothing_whenever_it_comes() {
    require!(Root, Tool("ip"), Tool("bpftool"), Daemon);
    let lab = Lab::new().unwrap();
    endurance::a_stop_leaves_nothing(&lab, &mut Own::new(&lab.host, &mode::options(&lab, "native")));
}

/// The next daemon has other interfaces, or another number of slots.
#[test]
fn interfaces_that_are_no_longer_named_are_detached() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::with(LabOptions { links: 2, ..LabOptions::default() }).unwrap();
    let [first, second] = [0, 1].map(|link: usize| lab.links[link].host.name.clone());
    let manager = ServiceManager::start().unwrap();
    let both = DaemonOptions::on(&[&first, &second]).managed(&manager);
    Daemon::start(&lab.host, &both).unwrap().stop().unwrap();
    assert!(has_xdp(&lab.host, &first) && has_xdp(&lab.host, &second));

    let one = DaemonOptions::on(&[&second]).managed(&manager).state_of(&both);
    let daemon = Daemon::start(&lab.host, &one).unwrap();
    assert!(!has_xdp(&lab.host, &first) && has_xdp(&lab.host, &second));
    daemon.wait_for_log("counters begin at zero", Duration::from_secs(5)).unwrap();
    manager.wait_for(&kept(&[index(&lab, &second)], &["xdp"])).unwrap();
    daemon.stop().unwrap();

    let more = one.clone().args(["--max-ranges", "8192"]);
    let daemon = Daemon::start(&lab.host, &more).unwrap();
    daemon.wait_for_log("counters begin at zero", Duration::from_secs(5)).unwrap();
    daemon.stop().unwrap();
    manager.stop();
    until(10, || !has_xdp(&lab.host, &second), || "the store was closed".to_owned());
}

/// An interface keeps its counters when the order of the interfaces changes; another one begins at zero.
#[test]
fn an_interface_keeps_its_row() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::with(LabOptions { links: 3, ..LabOptions::default() }).unwrap();
    let [a, b, c] = [0, 1, 2].map(|link: usize| lab.links[link].host.name.clone());
    let manager = ServiceManager::start().unwrap();
    let options = DaemonOptions::on(&[&a, &b]).managed(&manager);
    let daemon = Daemon::start(&lab.host, &options).unwrap();
    for (link, number) in [(0, 3), (1, 5)] {
        let sender = FrameSender::on(&lab.links[link].sender).unwrap();
        let [listed, ..] = frames(&lab.links[link]);
        (0..number).for_each(|_| sender.send_bytes(&listed).unwrap());
    }
    let of = |daemon: &Daemon, iface: &str| {
        daemon.scrape().unwrap().sum("d365_smtp_packets_total", &[("iface", iface)])
    };
    while of(&daemon, &b) < 5 {
        thread::sleep(Duration::from_millis(10));
    }
    daemon.stop().unwrap();
    let other = DaemonOptions::on(&[&c, &b]).managed(&manager).state_of(&options);
    let daemon = Daemon::start(&lab.host, &other).unwrap();
    assert_eq!([of(&daemon, &c), of(&daemon, &b)], [0, 5]);
    daemon.stop().unwrap();
    let daemon = Daemon::start(&lab.host, &options).unwrap();
    assert_eq!([of(&daemon, &a), of(&daemon, &b)], [0, 5]);
    daemon.stop().unwrap();
}

/// With any damage to the store, the daemon starts, logs each descriptor that it closes, and counts.
#[test]
fn a_damaged_store_prevents_no_start() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let (manager, options) = filled_store(&lab);
    let link = format!("xdp-{}", index(&lab, lab.iface()));
    let take = |store: &mut Vec<Named>, name: &str| {
        let at = store.iter().position(|(kept, _)| kept == name).unwrap();
        store.swap_remove(at).1
    };
    let file = || OwnedFd::from(fs::File::open("/dev/null").unwrap());
    type Tamper<'a> = &'a dyn Fn(&mut Vec<Named>);
    let tampered: [(&str, Tamper<'_>); 6] = [
        ("counters begin at zero", &|store| drop(take(store, "RANGE_OWNERS"))),
        ("is of no use and is closed", &|store| store.push(("unknown".to_owned(), file()))),
        ("is of no use and is closed", &|store| {
            drop(take(store, "CLASS_COUNTERS"));
            store.push(("CLASS_COUNTERS".to_owned(), file()));
        }),
        ("is of no use and is closed", &|store| {
            let link = take(store, &link);
            store.push(("xdp-1".to_owned(), link));
        }),
        ("counters begin at zero", &|store| {
            let (ranges, classes) = (take(store, "RANGE_COUNTERS"), take(store, "CLASS_COUNTERS"));
            store.push(("RANGE_COUNTERS".to_owned(), classes));
            store.push(("CLASS_COUNTERS".to_owned(), ranges));
        }),
        ("is of no use and is closed", &|store| {
            let copy = store.iter().find(|(name, _)| name == "ROW_NAMES").unwrap().1.try_clone().unwrap();
            store.push(("ROW_NAMES".to_owned(), copy));
        }),
    ];
    for (expected, tamper) in tampered {
        manager.tamper(tamper);
        let daemon = Daemon::start(&lab.host, &options).unwrap();
        assert!(daemon.log().contains(expected), "{expected}:\n{}", daemon.log());
        assert!(has_xdp(&lab.host, lab.iface()));
        daemon.stop().unwrap();
    }
    manager.stop();
    until(10, || !has_xdp(&lab.host, lab.iface()), || "the store was closed".to_owned());
}

/// Another namespace has an interface with the index of the link in the store.
#[test]
fn a_link_that_does_not_fit_is_replaced() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let (manager, _) = filled_store(&lab);
    let elsewhere = Lab::new().unwrap();
    // The sender's and the host's ends have the same indexes in each lab.
    assert_eq!(index(&lab, lab.iface()), index(&elsewhere, elsewhere.iface()), "the labs are alike");
    let there = DaemonOptions::on(&[elsewhere.iface()]).managed(&manager);
    let daemon = Daemon::start(&elsewhere.host, &there).unwrap();
    assert!(has_xdp(&elsewhere.host, elsewhere.iface()));
    assert!(!has_xdp(&lab.host, lab.iface()), "the daemon closed the link");
    assert!(daemon.log().contains("it is of another interface"), "{}", daemon.log());
    daemon.stop().unwrap();
}

/// A start that fails leaves the program of the earlier daemon attached and its counters as they were, also
/// if it would have had other interfaces.
#[test]
fn a_start_that_fails_changes_nothing() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::with(LabOptions { links: 2, ..LabOptions::default() }).unwrap();
    let (_manager, options) = filled_store(&lab);
    let [listed, ..] = frames(lab.link());
    let sender = FrameSender::on(&lab.link().sender).unwrap();
    (0..5).for_each(|_| sender.send_bytes(&listed).unwrap());
    let program = || lab.host.run(|| Interface::find(lab.iface()).unwrap().xdp().unwrap().unwrap().program);
    let before = program();
    let list = TempFile::new("list.csv", "nonsense");
    let spec = format!("file:{}", list.path().display());
    let _taken = lab.host.run(|| TcpListener::bind("127.0.0.1:9377")).unwrap();
    let second = lab.links[1].host.name.as_str();
    for flags in [
        &["--ranges", &spec][..],
        &["--iface", "nowhere0"],
        &["--iface", second, "--listen", "127.0.0.1:9377"],
    ] {
        let exit = Daemon::run(&lab.host, &options.clone().args(flags.iter().copied())).unwrap();
        assert_ne!(exit.status.code(), Some(0), "{flags:?}");
        assert_eq!(program(), before, "{flags:?}");
    }
    let daemon = Daemon::start(&lab.host, &options).unwrap();
    assert_ne!(program(), before, "replaced");
    assert_eq!(counts(&daemon.scrape().unwrap())[0], 5);
    daemon.stop().unwrap();
}
