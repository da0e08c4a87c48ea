//! Two daemons on one host, by the template of the unit.

use std::{net::SocketAddr, path::Path};

use d365_tests::{http, require, scrape::Scrape, systemd::Unit};

use super::host::{Readable, options};
use crate::steps::{has_xdp, knock, lines, two_links, until};

const STRANGER: &str = "198.51.100.7";

/// The interfaces' names have hyphens, and the units are named after them as they are.
#[test]
fn two_instances_have_their_own_interface_state_and_address() {
    require!(Root, Systemd, Tool("ip"), Daemon);
    let lab = two_links();
    let interfaces = [0, 1].map(|link: usize| lab.links[link].host.name.as_str());
    assert!(interfaces.iter().all(|iface| iface.contains('-')), "{interfaces:?}");
    let listen = [9371, 9372].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let list = Readable::new("d365-list", &lines(0..1, "NAM"));
    let units = [0, 1].map(|at: usize| {
        let unit = Unit::new(&format!("d365@{}", interfaces[at]), &lab.host, &options(&[])).unwrap();
        unit.check_first(&options(&[])).unwrap();
        unit.set(&format!("D365_LISTEN={}\nD365_RANGES={}\n", listen[at], list.source())).unwrap();
        unit.systemctl("start", &[]).unwrap();
        unit
    });
    let get =
        |at: usize, path: &str| lab.host.run(|| http::get(listen[at], path, &[("Accept", "text/plain")]));
    let ready = |at: usize| {
        let is_ready = || get(at, "/readyz").is_ok_and(|answer| answer.status == 200);
        until(30, is_ready, || units[at].log());
    };
    let scrape = |at: usize| Scrape::parse(&get(at, "/metrics").unwrap().body).unwrap();
    let counted = |at: usize, on: usize| {
        scrape(at).sum("d365_unlisted_smtp_packets_total", &[("iface", interfaces[on])])
    };
    let pids = || units.each_ref().map(|unit| unit.pid().unwrap().unwrap());
    for (at, unit) in units.iter().enumerate() {
        ready(at);
        let gates = Path::new("/var/lib").join(format!("d365-{}/gate.json", interfaces[at]));
        until(20, || gates.exists(), || unit.log());
    }
    assert!(!Path::new("/var/lib/d365").exists(), "the state directory of no instance");
    knock(&lab.links[0], &[STRANGER, STRANGER]);
    knock(&lab.links[1], &[STRANGER]);
    let counts = || [counted(0, 0), counted(0, 1), counted(1, 1), counted(1, 0)];
    until(10, || counts() == [2, 0, 1, 0], || format!("{:?}", counts()));

    // The end of one does not concern the other.
    let before = pids();
    units[0].kill().unwrap();
    until(60, || units[0].pid().unwrap().is_some_and(|pid| pid != before[0]), || units[0].log());
    ready(0);
    assert_eq!(pids()[1], before[1]);
    assert_eq!(counts(), [2, 0, 1, 0], "the counters of both go on");
    units[1].systemctl("stop", &[]).unwrap();
    until(10, || !has_xdp(&lab.host, interfaces[1]), || "the program is left".to_owned());
    assert!(has_xdp(&lab.host, interfaces[0]));
    ready(0);
}
