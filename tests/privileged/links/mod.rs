//! Interfaces that the daemon must reject or leave, or warns about: their packets are not frames, arrive
//! twice, or are also seen by foreign filters.

mod changed;
mod filters;
pub(crate) mod link_type;
mod shaped;

use std::{
    process::Command,
    thread,
    time::{Duration, Instant},
};

use d365_tests::{
    frame::{Frame, Ipv4, Tcp},
    lab::{Lab, Link, host_mac, sender_mac},
    netns::Netns,
    nft, patience,
    raw::FrameSender,
};
use d365_user::kernel::{Interface, Kernel, OBJECT};

use crate::judged::options;

/// Runs `tc`. `DEV` in the words is replaced by the interface.
fn tc(netns: &Netns, interface: &str, words: &str, last: &[&str]) {
    let words = words.replace("DEV", interface);
    netns.output(Command::new("tc").args(words.split(' ')).args(last)).unwrap();
}

/// Creates a bridge above the host's end of the first link. A bridge has no native mode.
fn bridged(lab: &Lab) -> String {
    let (bridge, mac) = ("bridge0".to_owned(), host_mac(0).to_string());
    lab.host.ip(&["link", "add", &bridge, "address", &mac, "type", "bridge"]).unwrap();
    lab.host.ip(&["link", "set", "dev", lab.iface(), "master", &bridge]).unwrap();
    lab.host.ip(&["link", "set", "dev", &bridge, "arp", "off", "up"]).unwrap();
    let deadline = patience::deadline(Duration::from_secs(5));
    while !lab.host.ip(&["link", "show", "dev", &bridge]).unwrap().contains("state UP") {
        assert!(Instant::now() < deadline, "{bridge} has no carrier");
        thread::sleep(Duration::from_millis(5));
    }
    bridge
}

/// Makes the stack accept packets from addresses to which it has no route: a namespace starts with the
/// machine's settings.
pub(crate) fn accept_any_source(netns: &Netns, interface: &str) {
    for place in ["all", interface] {
        netns.sysctl(&format!("net/ipv4/conf/{place}/rp_filter"), "0").unwrap();
    }
}

/// Counts the packets that the host's stack accepts from this interface, by port.
fn count_arrivals(netns: &Netns, interface: &str) {
    accept_any_source(netns, interface);
    let rules = "table inet arrived {
        counter mysql { }
        counter other { }
        counter smtp { }
        chain in {
            type filter hook input priority 0;
            tcp dport 3306 counter name mysql
            tcp dport 3307 counter name other
            tcp dport 25 counter name smtp
        }
    }";
    nft::load(netns, rules).unwrap();
}

fn arrived(netns: &Netns, counter: &str) -> u64 {
    nft::packets(netns, "inet arrived", counter).unwrap()
}

/// Sends SYNs to a port of the host, from an address that no host uses.
fn send(link: &Link, port: u16, count: u16) {
    let sender = FrameSender::on(&link.sender).unwrap();
    for number in 0..count {
        let syn = Tcp::new(40_000 + number, port).syn();
        let packet = Ipv4::new([203, 0, 113, 9], link.host_v4()).carrying(syn);
        sender.send(&Frame::new(packet).macs(sender_mac(0), host_mac(0))).unwrap();
    }
}

/// Waits until the packets have arrived.
fn settle(netns: &Netns, counter: &str, count: u64) {
    let deadline = patience::deadline(Duration::from_secs(5));
    while arrived(netns, counter) < count {
        assert!(Instant::now() < deadline, "{counter}: {} of {count}", arrived(netns, counter));
        thread::sleep(Duration::from_millis(5));
    }
}

/// Loads the program for an interface.
fn loaded(interface: &str) -> (Kernel, Interface) {
    (Kernel::load(OBJECT, &options()).unwrap().0, Interface::find(interface).unwrap())
}
