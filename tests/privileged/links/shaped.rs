//! Ingress shaping through an ifb device: each packet counts once, or the daemon does not start.

use d365_tests::{daemon::DaemonOptions, lab::Lab, require};
use d365_user::exit::Exit;

use super::{arrived, bridged, count_arrivals, send, settle, tc};
use crate::{
    bad_input::refused,
    steps::{on, start},
};

/// Sends everything that arrives through an ifb device, as traffic shapers do.
pub(super) fn shape(lab: &Lab, interface: &str) -> &'static str {
    lab.host.ip(&["link", "add", "shape0", "up", "type", "ifb"]).unwrap();
    tc(&lab.host, interface, "qdisc add dev DEV clsact");
    redirect(lab, interface);
    "shape0"
}

fn redirect(lab: &Lab, interface: &str) {
    let words = "filter add dev DEV ingress pref 10 protocol all u32 match u32 0 0 action mirred egress redirect dev shape0";
    tc(&lab.host, interface, words);
}

#[test]
fn native_mode_and_tc_count_each_packet_once() {
    require!(Root, Tool("ip"), Tool("tc"), Tool("nft"), Link("ifb"), Daemon);
    let lab = Lab::new().unwrap();
    count_arrivals(&lab.host, lab.iface());
    shape(&lab, lab.iface());
    for mode in ["auto", "native", "tc"] {
        let before = arrived(&lab.host, "smtp");
        let daemon = start(&lab, &["--mode", mode]);
        send(lab.link(), 25, 3);
        settle(&lab.host, "smtp", before + 3);
        let scrape = daemon.scrape().unwrap();
        assert_eq!(scrape.sum("d365_unlisted_smtp_connections_total", &[]), 3, "{mode}");
        assert_eq!(scrape.sum("d365_other_packets_total", &[]), 0, "{mode}");
    }
}

#[test]
fn generic_mode_is_refused_whoever_insists() {
    require!(Root, Tool("ip"), Tool("tc"), Link("ifb"), Link("bridge"), Daemon);
    let lab = Lab::new().unwrap();
    let ifb = shape(&lab, lab.iface());
    let words = [lab.iface(), ifb, "u32 filter with priority 10", "twice", "--mode native or tc"];
    refused(&lab.host, &on(&lab, &["--mode", "generic"]), Exit::Attach, &words);
    tc(&lab.host, lab.iface(), "qdisc del dev DEV clsact");
    let bridge = bridged(&lab);
    tc(&lab.host, &bridge, "qdisc add dev DEV clsact");
    redirect(&lab, &bridge);
    let generic = DaemonOptions::on(&[&bridge]).args(["--mode", "generic"]);
    refused(&lab.host, &generic, Exit::Attach, &[&bridge, ifb, "twice"]);
}
