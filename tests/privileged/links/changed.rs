//! Changes while the program is attached: the daemon leaves the interface within seconds and logs the reason.

use std::{thread, time::Duration, time::Instant};

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    lab::Lab,
    netns::Netns,
    patience, require,
    tun::{Kind, Tun},
};

use super::{arrived, count_arrivals, send, settle, tc};

/// `ARPHRD_PPP` (`linux/if_arp.h`).
const PPP: u64 = 512;

/// The daemon warns about a filter that comes later and loses the Ethernet header. The program stays
/// attached.
#[test]
fn a_filter_that_comes_later_is_told() {
    require!(Root, Tool("ip"), Tool("tc"), Kernel(6, 9, "generic XDP hides the Ethernet header"), Daemon);
    let lab = Lab::new().unwrap();
    let options = DaemonOptions::on(&[lab.iface()]).args(["--mode", "generic"]);
    let daemon = Daemon::start(&lab.host, &options).unwrap();
    tc(&lab.host, lab.iface(), "qdisc add dev DEV clsact", &[]);
    tc(&lab.host, lab.iface(), "filter add dev DEV ingress pref 10 bpf da bytecode", &["1,6 0 0 4294967295"]);
    let said = ["has come to tc since the start", " programs=\"bpf filter"];
    daemon.wait_for_line(&said, Duration::from_secs(10)).unwrap();
    assert_eq!(daemon.get("/readyz", &[]).unwrap().status, 200);
}

/// Waits until the daemon is not ready for this reason and its program is off the interface.
fn left(daemon: &Daemon, netns: &Netns, interface: &str, reason: &str) {
    let deadline = patience::deadline(Duration::from_secs(6));
    loop {
        let ready = daemon.get("/readyz", &[]).unwrap();
        let is_free = !netns.ip(&["-d", "link", "show", "dev", interface]).unwrap().contains("prog/xdp");
        if ready.status == 503 && is_free {
            assert!(ready.body.contains(reason), "{}", ready.body);
            break;
        }
        assert!(Instant::now() < deadline, "{interface} is not left: {}\n{}", ready.body, daemon.log());
        thread::sleep(Duration::from_millis(50));
    }
    assert!(daemon.log().contains(reason), "{}", daemon.log());
    assert_eq!(daemon.scrape().unwrap().sum("d365_attached", &[("iface", interface)]), 0);
}

#[test]
fn an_interface_that_loses_its_ethernet_header_is_left() {
    require!(Root, Tool("ip"), Tun, Daemon);
    let netns = Netns::new().unwrap();
    let tap = Tun::new(&netns, Kind::Tap).unwrap();
    let daemon = Daemon::start(&netns, &DaemonOptions::on(&[&tap.name])).unwrap();
    tap.set_link_type(PPP).unwrap();
    left(&daemon, &netns, &tap.name, "Ethernet header");
    assert!(daemon.log().contains("link type ppp"), "{}", daemon.log());
    assert_eq!(daemon.stop().unwrap().status.code(), Some(0));
}

#[test]
fn generic_mode_ends_when_shaping_begins() {
    require!(Root, Tool("ip"), Tool("tc"), Tool("nft"), Link("ifb"), Daemon);
    let lab = Lab::new().unwrap();
    count_arrivals(&lab.host, lab.iface());
    let options = DaemonOptions::on(&[lab.iface()]).args(["--mode", "generic"]);
    let daemon = Daemon::start(&lab.host, &options).unwrap();
    super::shaped::shape(&lab, lab.iface());
    left(&daemon, &lab.host, lab.iface(), "ifb device");
    let before = arrived(&lab.host, "smtp");
    send(lab.link(), 25, 3);
    settle(&lab.host, "smtp", before + 3);
    tc(&lab.host, lab.iface(), "qdisc del dev DEV clsact", &[]);
    assert_eq!(daemon.stop().unwrap().status.code(), Some(0));
}
