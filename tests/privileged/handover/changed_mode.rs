//! The next daemon has another mode, or another interface has the index of a tc link in the store.

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    lab::Lab,
    raw::FrameSender,
    require,
    service_manager::ServiceManager,
};
use d365_user::exit::Exit;

use super::{counts, filled_store, frames, index, kept};
use crate::steps::{has_tc, has_xdp, until};

/// The program of the earlier daemon is detached, and counters continue.
#[test]
fn another_mode_replaces_the_program() {
    require!(Root, Tool("ip"), Tool("nft"), Kernel(6, 6, "tcx"), Daemon);
    let lab = Lab::new().unwrap();
    let (manager, options) = filled_store(&lab);
    let sender = FrameSender::on(&lab.link().sender).unwrap();
    let index = index(&lab, lab.iface());
    let mut sent = 0;
    for (mode, role) in [("tc", "tc-first"), ("generic", "xdp"), ("tc", "tc-first"), ("native", "xdp")] {
        let options = options.clone().args(["--mode", mode]);
        let daemon = Daemon::start(&lab.host, &options).unwrap();
        assert_eq!(
            (has_xdp(&lab.host, lab.iface()), has_tc(&lab.host, lab.iface())),
            (mode != "tc", mode == "tc")
        );
        manager.wait_for(&kept(&[index], &[role])).unwrap();
        let [listed, ..] = frames(lab.link());
        (0..3).for_each(|_| sender.send_bytes(&listed).unwrap());
        sent += 3;
        let counted = || counts(&daemon.scrape().unwrap())[0];
        until(10, || counted() >= sent, || daemon.log());
        assert_eq!(counted(), sent, "{mode}");
        daemon.stop().unwrap();
    }
    manager.stop();
}

/// The earlier daemon counts by tc on a device without native XDP, and the next one insists on it.
#[test]
fn a_mode_that_is_refused_leaves_the_program() {
    require!(Root, Tool("ip"), Link("bridge"), Kernel(6, 6, "tcx"), Daemon);
    let lab = Lab::new().unwrap();
    lab.host.ip(&["link", "add", "bridge9", "up", "type", "bridge"]).unwrap();
    let manager = ServiceManager::start().unwrap();
    let options = DaemonOptions::on(&["bridge9"]).managed(&manager);
    Daemon::start(&lab.host, &options).unwrap().stop().unwrap();
    assert!(has_tc(&lab.host, "bridge9"));
    let exit = Daemon::run(&lab.host, &options.clone().args(["--mode", "native"])).unwrap();
    assert_eq!(exit.status.code(), Some(Exit::Attach as i32), "{}", exit.stderr);
    assert!(has_tc(&lab.host, "bridge9"));
    manager.wait_for(&kept(&[index(&lab, "bridge9")], &["tc-first"])).unwrap();
    manager.stop();
}

/// Another place among the tc programs leaves no gap either, and `auto` stays in tc.
#[test]
fn another_order_replaces_the_program() {
    require!(Root, Tool("ip"), Kernel(6, 6, "tcx"), Daemon);
    let lab = Lab::new().unwrap();
    let manager = ServiceManager::start().unwrap();
    let options = DaemonOptions::on(&[lab.iface()]).managed(&manager);
    let index = index(&lab, lab.iface());
    for (flags, role) in [
        (["--mode", "tc", "--tc-order", "first"], "tc-first"),
        (["--mode", "auto", "--tc-order", "last"], "tc-last"),
        (["--mode", "tc", "--tc-order", "first"], "tc-first"),
    ] {
        let daemon = Daemon::start(&lab.host, &options.clone().args(flags)).unwrap();
        assert!(has_tc(&lab.host, lab.iface()) && !has_xdp(&lab.host, lab.iface()));
        manager.wait_for(&kept(&[index], &[role])).unwrap();
        daemon.stop().unwrap();
    }
    manager.stop();
}

/// Another namespace has an interface with the index of the tc link in the store. `auto` tries native mode
/// there.
#[test]
fn a_tc_link_that_does_not_fit_is_replaced() {
    require!(Root, Tool("ip"), Kernel(6, 6, "tcx"), Daemon);
    for mode in ["tc", "auto"] {
        let lab = Lab::new().unwrap();
        let manager = ServiceManager::start().unwrap();
        let here = DaemonOptions::on(&[lab.iface()]).args(["--mode", "tc"]).managed(&manager);
        Daemon::start(&lab.host, &here).unwrap().stop().unwrap();
        let elsewhere = Lab::new().unwrap();
        assert_eq!(index(&lab, lab.iface()), index(&elsewhere, elsewhere.iface()), "the labs are alike");
        let there = DaemonOptions::on(&[elsewhere.iface()]).args(["--mode", mode]).managed(&manager);
        let daemon = Daemon::start(&elsewhere.host, &there).unwrap();
        let has = if mode == "tc" { has_tc } else { has_xdp };
        assert!(has(&elsewhere.host, elsewhere.iface()));
        assert!(!has_tc(&lab.host, lab.iface()), "the daemon closed the link");
        let role = if mode == "tc" { "tc-first" } else { "xdp" };
        manager.wait_for(&kept(&[index(&lab, lab.iface())], &[role])).unwrap();
        daemon.stop().unwrap();
        assert!(has(&elsewhere.host, elsewhere.iface()), "the store has the new link");
        manager.stop();
    }
}
