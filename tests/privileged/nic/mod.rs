//! Network cards with their real drivers, as QEMU emulates them, in a machine that is made for these tests
//! (`cargo xtask vm-test --nic`). The driver's behaviour is compared with its description.

mod attaching;
mod jumbo;
mod mail;
mod offloads;
mod queues;
mod reload;
mod vlan;

use d365_tests::{
    daemon::Daemon,
    lab::{Lab, LabOptions, host_mac},
    nic::Card,
    raw::Sniffed,
    veth::wait_for_carrier,
};
use d365_user::kernel::survey::{Driver, driver};

use crate::steps::{self, shell};

/// The description of the driver of the card under test, which must be in no lab.
fn described() -> &'static Driver {
    let card = Card::find(host_mac(0)).unwrap();
    driver(&card.driver).unwrap_or_else(|| panic!("{} is not described", card.driver))
}

/// The mode in which the daemon runs without `--mode`, at a usual MTU.
fn usual_mode(driver: &Driver) -> &'static str {
    if driver.defect.is_some() { "tc" } else { "native" }
}

/// A lab with the card under test.
fn lab(mtu: u32) -> Lab {
    Lab::on_cards(LabOptions { mtu, ..LabOptions::default() }).unwrap()
}

/// Starts a daemon, and waits for the link, which the driver may have taken down.
fn start(lab: &Lab, flags: &[&str]) -> Daemon {
    let daemon = steps::start(lab, flags);
    wait_for_carrier(&lab.link().host).unwrap();
    daemon
}

/// Asserts the mode in which the daemon runs.
#[track_caller]
fn runs_in(daemon: &Daemon, mode: &str) {
    let scrape = daemon.scrape().unwrap();
    assert_eq!(scrape.count("d365_attached", &[("mode", mode)]), 1, "{}", daemon.log());
}

/// A feature of the card: `None` if `ethtool -k` shows it as fixed.
fn feature(lab: &Lab, name: &str) -> Option<bool> {
    let shown = shell(&lab.host, &format!("ethtool -k {}", lab.iface()));
    let line = shown.lines().find_map(|line| line.trim().strip_prefix(&format!("{name}: ")));
    let line = line.unwrap_or_else(|| panic!("no {name} in {shown}"));
    (!line.contains("[fixed]")).then(|| line.starts_with("on"))
}

/// Switches a feature of the card.
fn set_feature(lab: &Lab, name: &str, on: bool) {
    let value = if on { "on" } else { "off" };
    shell(&lab.host, &format!("ethtool -K {} {name} {value}", lab.iface()));
    assert_eq!(feature(lab, name), Some(on), "{name}");
}

/// Asserts that the counts at the card are those of the packets that left the sender. Bytes differ, because a
/// card pads short frames.
#[track_caller]
fn came_as_sent(sniffed: &Sniffed, sent: &Sniffed) {
    let packets = |all: &Sniffed| {
        let tcp = all.tcp.iter().map(|(key, tally)| (*key, tally.packets, tally.connections));
        (tcp.collect::<Vec<_>>(), all.other.packets)
    };
    assert_eq!(packets(sniffed), packets(sent));
}
