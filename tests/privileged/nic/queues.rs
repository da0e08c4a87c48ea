//! Several queues: each packet is counted once, whichever queue it comes in by.

use d365_tests::{lab::Lab, raw::Sniffer, require, veth::wait_for_carrier};

use super::{described, lab, runs_in, start, usual_mode};
use crate::{
    mail::{compare, deliver_again, deliver_from, embedded, listen, sources},
    steps::{shell, stop},
};

/// QEMU's other cards put all frames into their first queue, and their drivers change no number of queues.
const SPREADS: &str = "igb";

fn set_queues(lab: &Lab, number: u32) {
    shell(&lab.host, &format!("ethtool -L {} combined {number}", lab.iface()));
    wait_for_carrier(&lab.link().host).unwrap();
}

/// The number of queues that have received packets.
fn used(lab: &Lab) -> usize {
    let shown = shell(&lab.host, &format!("ethtool -S {}", lab.iface()));
    let of_a_queue = |line: &&str| line.trim().starts_with("rx_queue_") && line.contains("_packets: ");
    shown.lines().filter(of_a_queue).filter(|line| !line.ends_with(": 0")).count()
}

#[test]
fn packets_of_all_queues_are_counted() {
    require!(Root, Nic, Tool("ip"), Tool("ethtool"), Daemon);
    let (spreads, mode) = (described().name == SPREADS, usual_mode(described()));
    let lab = lab(1500);
    let (ranges, listener, daemon) = (embedded(), listen(&lab), start(&lab, &[]));
    runs_in(&daemon, mode);
    let sniffer = Sniffer::on(&lab.link().host).unwrap();
    let sources = sources(ranges.ranges());
    deliver_from(&lab, 0, &sources);
    if spreads {
        assert_eq!(used(&lab), 2, "frames are spread over the queues");
        // The driver makes its queues again, with the program in each.
        for number in [1, 2] {
            set_queues(&lab, number);
            deliver_again(&lab, 0, &sources[..4]);
        }
    }
    let arrived = sniffer.stop().unwrap();
    runs_in(&daemon, mode);
    compare(&daemon.scrape().unwrap(), lab.iface(), &ranges, &arrived);
    assert!(listener.stop().len() >= sources.len());
    stop(daemon);
}
