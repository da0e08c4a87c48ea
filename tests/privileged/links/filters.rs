//! Foreign tc filters. Native mode does not affect them. On some kernels generic mode hides the Ethernet
//! header from them, and `auto` does not choose it there.

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    lab::Lab,
    require,
    require::Requirement,
};
use d365_user::{
    kernel::{Inherited, Interface, Kernel, OBJECT},
    settings::{ModePolicy, TcOrder},
};

use super::{arrived, bridged, count_arrivals, send, settle, tc};
use crate::{
    foreign::Foreign,
    judged::options,
    kernel::KernelExt as _,
    steps::{start, stop},
};

/// From this version on, generic mode loses the length of the link-layer header.
const HIDES: Requirement = Requirement::Kernel(6, 9, "generic XDP that copies frames in pages");

/// Drops TCP to port 3306 (verdict 2, `TC_ACT_SHOT`) and passes everything else. `EtherType` is at byte 12,
/// the protocol at 23, the port at 36.
const DROP: &str =
    "8,40 0 0 12,21 0 5 2048,48 0 0 23,21 0 3 6,40 0 0 36,21 0 1 3306,6 0 0 2,6 0 0 4294967295";

fn filter(lab: &Lab, interface: &str) {
    tc(&lab.host, interface, "qdisc add dev DEV clsact");
    tc(&lab.host, interface, &format!("filter add dev DEV ingress pref 10 bpf da bytecode '{DROP}'"));
}

/// Sends five packets to the port that the filter drops, and returns the number that arrived. Packets to
/// another port must all arrive.
fn passed(lab: &Lab) -> u64 {
    let before = (arrived(&lab.host, "mysql"), arrived(&lab.host, "other"));
    send(lab.link(), 3306, 5);
    send(lab.link(), 3307, 5);
    settle(&lab.host, "other", before.1 + 5);
    arrived(&lab.host, "mysql") - before.0
}

/// The daemon warns of generic mode if the operator insists on it.
#[test]
fn native_mode_leaves_a_filter_as_it_is_and_generic_mode_is_warned_of() {
    require!(Root, Tool("ip"), Tool("tc"), Tool("nft"), Daemon);
    let lab = Lab::new().unwrap();
    count_arrivals(&lab.host, lab.iface());
    assert_eq!(passed(&lab), 5, "without a filter");
    filter(&lab, lab.iface());
    assert_eq!(passed(&lab), 0, "without a daemon");
    for mode in ["auto", "native"] {
        let daemon = start(&lab, &["--mode", mode]);
        let scrape = daemon.scrape().unwrap();
        assert_eq!(scrape.sum("d365_attached", &[("mode", "native")]), 1);
        assert_eq!(passed(&lab), 0, "{mode}");
    }
    let daemon = start(&lab, &["--mode", "generic"]);
    let log = daemon.log();
    let warning = log.lines().find(|line| line.contains("hides the Ethernet header"));
    assert_eq!(warning.is_some(), HIDES.is_met(), "{log}");
    let is_named =
        |line: &str| line.contains("WARN") && line.contains("bpf filter") && line.contains("priority 10");
    assert!(warning.is_none_or(is_named), "{log}");
    assert_eq!(passed(&lab), if HIDES.is_met() { 5 } else { 0 }, "the warning is correct");
    stop(daemon);
    assert_eq!(passed(&lab), 0, "after the stop");
}

#[test]
fn auto_does_not_choose_what_blinds_a_filter() {
    require!(Root, Tool("ip"), Tool("tc"), Tool("nft"), Link("bridge"), Daemon);
    let lab = Lab::new().unwrap();
    let bridge = bridged(&lab);
    count_arrivals(&lab.host, &bridge);
    filter(&lab, &bridge);
    assert_eq!(passed(&lab), 0, "without a daemon");
    let daemon = Daemon::start(&lab.host, &DaemonOptions::on(&[&bridge])).unwrap();
    assert_eq!(daemon.scrape().unwrap().sum("d365_attached", &[("mode", "tc")]), 1);
    assert_eq!(passed(&lab), 0, "beside the tc program");
}

/// A filter of any kind and a tcx program count as foreign, because both lose the Ethernet header.
#[test]
fn programs_and_filters_of_every_kind_are_others() {
    require!(Root, Tool("ip"), Tool("tc"), Link("bridge"));
    let lab = Lab::new().unwrap();
    let bridge = bridged(&lab);
    lab.host.run(|| {
        let hidden = || {
            let (mut kernel, _) = Kernel::load(OBJECT, &options()).unwrap();
            let bridge = Interface::find(&bridge).unwrap();
            let (mode, order) = (ModePolicy::Generic, TcOrder::First);
            kernel.attach(&bridge, mode, order, &mut Inherited::default()).unwrap().hidden_from
        };
        assert_eq!(hidden(), Vec::<String>::new());
        let u32 = "filter add dev DEV ingress pref 30 protocol ip u32 match ip src 192.0.2.0/24 flowid 1:1";
        tc(&lab.host, &bridge, "qdisc add dev DEV clsact");
        tc(&lab.host, &bridge, u32);
        let count = usize::from(HIDES.is_met());
        assert_eq!(hidden(), ["u32 filter with priority 30"][..count]);
        tc(&lab.host, &bridge, "filter del dev DEV ingress");
        let mut foreign = Foreign::marking(7);
        foreign.attach(&bridge, true);
        let found = hidden();
        assert_eq!(found.len(), count, "{found:?}");
        assert!(found.iter().all(|name| name.contains("foreign")), "{found:?}");
    });
}
