//! The interface goes down and up, and the driver leaves its card and comes back, while the daemon runs.

use d365_tests::{
    lab::host_mac,
    nic::{self, Card},
    raw::Sniffer,
    require,
    veth::wait_for_carrier,
};

use super::{described, lab, runs_in, start, usual_mode};
use crate::{
    interfaces::{LIMIT, LISTED, is_ready, of},
    steps::{has_xdp, knock, stop, until},
};

const PACKETS: &str = "d365_smtp_packets_total";

#[test]
fn the_program_stays_while_the_interface_goes_down_and_up() {
    require!(Root, Nic, Tool("ip"), Daemon);
    let mode = usual_mode(described());
    let lab = lab(1500);
    let (link, host) = (lab.link(), &lab.link().host);
    let daemon = start(&lab, &[]);
    let mut counted = 0;
    for round in 1..=5 {
        let sniffer = Sniffer::on(host).unwrap();
        // A card may lose frames while it comes up.
        let is_counted = || {
            knock(link, &[LISTED; 5]);
            of(&daemon, PACKETS, link) >= counted + 5
        };
        until(LIMIT, is_counted, || format!("round {round}: {}", daemon.log()));
        counted += sniffer.stop().unwrap().all().packets;
        assert_eq!(of(&daemon, PACKETS, link), counted, "round {round}");
        host.netns.ip(&["link", "set", "dev", &host.name, "down"]).unwrap();
        host.netns.ip(&["link", "set", "dev", &host.name, "up"]).unwrap();
        wait_for_carrier(host).unwrap();
    }
    runs_in(&daemon, mode);
    assert_eq!(of(&daemon, "d365_reattached_total", link), 0);
    stop(daemon);
    assert!(!has_xdp(&lab.host, lab.iface()));
}

/// The interface that the driver makes again has another index, and no program.
#[test]
fn the_daemon_attaches_again_when_the_driver_is_loaded_again() {
    require!(Root, Nic, Tool("ip"), Daemon);
    let card = Card::find(host_mac(0)).unwrap();
    let mode = usual_mode(described());
    let lab = lab(1500);
    let link = lab.link();
    let daemon = start(&lab, &[]);
    for round in 1..=3 {
        knock(link, &[LISTED; 5]);
        until(
            LIMIT,
            || of(&daemon, PACKETS, link) == 5 * round,
            || format!("round {round}: {}", daemon.log()),
        );
        card.unbind().unwrap();
        until(LIMIT, || !is_ready(&daemon), || daemon.log());
        assert_eq!(of(&daemon, "d365_attached", link), 0);
        card.bind().unwrap();
        nic::give_back(&link.host).unwrap();
        until(LIMIT, || of(&daemon, "d365_reattached_total", link) == round, || daemon.log());
        until(LIMIT, || is_ready(&daemon), || daemon.log());
        wait_for_carrier(&link.host).unwrap();
    }
    runs_in(&daemon, mode);
    stop(daemon);
}
