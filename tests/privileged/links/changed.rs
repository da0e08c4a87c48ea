//! Changes while the program is attached: the daemon leaves the interface within seconds and logs the reason.

use std::time::Duration;

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    lab::Lab,
    netns::Netns,
    require,
    tun::{Kind, Tun},
};

use super::{arrived, count_arrivals, send, settle, tc};
use crate::steps::{has_xdp, start, started, stop, until};

/// `ARPHRD_ETHER` and `ARPHRD_PPP` (`linux/if_arp.h`).
const ETHER: u64 = 1;
const PPP: u64 = 512;

/// The daemon warns about a filter that comes later and loses the Ethernet header. The program stays
/// attached.
#[test]
fn a_later_filter_is_reported() {
    require!(Root, Tool("ip"), Tool("tc"), Kernel(6, 9, "generic XDP hides the Ethernet header"), Daemon);
    let (lab, daemon) = started(&["--mode", "generic"]);
    tc(&lab.host, lab.iface(), "qdisc add dev DEV clsact");
    tc(&lab.host, lab.iface(), "filter add dev DEV ingress pref 10 bpf da bytecode '1,6 0 0 4294967295'");
    let expected = ["has come to tc since the start", " programs=\"bpf filter"];
    daemon.wait_for_line(&expected, Duration::from_secs(10)).unwrap();
    assert_eq!(daemon.get("/readyz", &[]).unwrap().status, 200);
}

/// Waits until the daemon is not ready for this reason and its program is off the interface.
fn left(daemon: &Daemon, netns: &Netns, interface: &str, reason: &str) {
    let ready = || daemon.get("/readyz", &[]).unwrap();
    let is_left = || ready().status == 503 && !has_xdp(netns, interface);
    until(6, is_left, || format!("{interface} is not left: {:?}\n{}", ready(), daemon.log()));
    assert!(ready().body.contains(reason), "{}", ready().body);
    assert!(daemon.log().contains(reason), "{}", daemon.log());
    assert_eq!(daemon.scrape().unwrap().sum("d365_attached", &[("iface", interface)]), 0);
}

/// A tap device has the same kind as a tun device, but it carries Ethernet frames.
#[test]
fn a_tap_device_is_watched_until_it_loses_its_ethernet_header() {
    require!(Root, Tool("ip"), Tun, Daemon);
    let netns = Netns::new().unwrap();
    let tap = Tun::new(&netns, Kind::Tap).unwrap();
    let native = DaemonOptions::on(&[&tap.name]).args(["--mode", "native"]);
    let daemon = Daemon::start(&netns, &native).unwrap();
    assert_eq!(daemon.scrape().unwrap().sum("d365_attached", &[("iface", &tap.name)]), 1);
    tap.set_link_type(PPP).unwrap();
    left(&daemon, &netns, &tap.name, "header");
    assert!(stop(daemon).contains("begin with the IP header"));
}

/// `auto` takes a tc program once XDP is not possible any more.
#[test]
fn auto_attaches_another_program_when_the_header_changes() {
    require!(Root, Tool("ip"), Tun, Daemon);
    let netns = Netns::new().unwrap();
    let tap = Tun::new(&netns, Kind::Tap).unwrap();
    let daemon = Daemon::start(&netns, &DaemonOptions::on(&[&tap.name])).unwrap();
    let attached = |mode| daemon.scrape().unwrap().sum("d365_attached", &[("mode", mode)]);
    assert_eq!(attached("native"), 1);
    tap.set_link_type(PPP).unwrap();
    until(10, || attached("tc") == 1, || daemon.log());
    assert!(!has_xdp(&netns, &tap.name));
    tap.set_link_type(ETHER).unwrap();
    until(10, || attached("native") == 1, || daemon.log());
    stop(daemon);
}

#[test]
fn generic_mode_ends_when_shaping_begins() {
    require!(Root, Tool("ip"), Tool("tc"), Tool("nft"), Link("ifb"), Daemon);
    let lab = Lab::new().unwrap();
    count_arrivals(&lab.host, lab.iface());
    let daemon = start(&lab, &["--mode", "generic"]);
    super::shaped::shape(&lab, lab.iface());
    left(&daemon, &lab.host, lab.iface(), "ifb device");
    let before = arrived(&lab.host, "smtp");
    send(lab.link(), 25, 3);
    settle(&lab.host, "smtp", before + 3);
    tc(&lab.host, lab.iface(), "qdisc del dev DEV clsact");
    stop(daemon);
}
