//! Interfaces that change 50 times under traffic: their names, or the network namespace.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
};

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    lab::Link,
    netns::Netns,
    require, veth,
};

use super::{LIMIT, comes_and_goes, is_ready, of, send_until};
use crate::steps::{SetOnDrop, has_xdp, started, stop, two_links, until};

const ROUNDS: u64 = 50;

/// The program stays attached, and each packet is counted under the name that the operator gave.
#[test]
fn renames_cost_no_packet() {
    require!(Root, Tool("ip"), Kernel(6, 2, "an interface that is up gets another name"), Daemon);
    let (lab, daemon) = started(&[]);
    let (link, other) = (lab.link(), veth::unique_name("new"));
    let done = AtomicBool::new(false);
    let sent = thread::scope(|scope| {
        let traffic = scope.spawn(|| send_until(link, &done));
        let _done = SetOnDrop(&done);
        for round in 1..=ROUNDS {
            let names = [&link.host.name, &other];
            let (from, to) = if round % 2 == 1 { (names[0], names[1]) } else { (names[1], names[0]) };
            lab.host.ip(&["link", "set", "dev", from, "name", to]).unwrap();
            if round % 10 == 1 {
                let has_seen = || daemon.log().matches("the interface has a new name").count() as u64;
                until(LIMIT, || has_seen() >= round.div_ceil(10), || daemon.log());
            }
            assert!(has_xdp(&lab.host, to) && is_ready(&daemon), "round {round}: {}", daemon.log());
        }
        done.store(true, Relaxed);
        traffic.join().unwrap()
    });
    until(LIMIT, || of(&daemon, "d365_smtp_packets_total", link) == sent, || daemon.log());
    assert_eq!(of(&daemon, "d365_reattached_total", link), 0);
    assert!(!stop(daemon).contains("not attached"));
    assert!(!has_xdp(&lab.host, &link.host.name));
}

/// Moves the host's end between namespaces. It is down after that.
fn move_to(link: &Link, from: &Netns, to: &Netns) {
    from.ip(&["link", "set", "dev", &link.host.name, "netns", &to.path()]).unwrap();
}

/// An interface that was moved away and back never counts elsewhere.
#[test]
fn moves_to_another_namespace_and_back_cost_no_packet_of_others() {
    require!(Root, Tool("ip"), Daemon);
    let (lab, elsewhere) = (two_links(), Netns::new().unwrap());
    let [stays, goes] = &lab.links[..] else { unreachable!() };
    let daemon = Daemon::start(&lab.host, &DaemonOptions::on(&[&stays.host.name, "mx*"])).unwrap();
    let is_gone = || assert!(!has_xdp(&elsewhere, &goes.host.name));
    let come_back = |goes: &Link| {
        move_to(goes, &elsewhere, &lab.host);
        lab.host.ip(&["link", "set", "dev", &goes.host.name, "arp", "off", "up"]).unwrap();
        [&goes.host, &goes.sender].into_iter().try_for_each(veth::wait_for_carrier).unwrap();
    };
    comes_and_goes(&lab, daemon, |goes| move_to(goes, &lab.host, &elsewhere), is_gone, come_back);
}
