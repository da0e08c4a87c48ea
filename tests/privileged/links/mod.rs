//! Interfaces of each kind, and interfaces that the daemon must reject or leave, or warns about: their
//! packets are not frames, arrive twice, or are also seen by foreign filters.

mod changed;
mod filters;
mod kinds;
pub(crate) mod link_type;
mod shaped;

use d365_tests::{
    frame::{Frame, Ipv4, Tcp},
    lab::{Lab, Link, host_mac},
    netns::Netns,
    nft,
    raw::FrameSender,
};

use crate::steps::{shell, until};

/// Runs `tc`. `DEV` in the words is replaced by the interface.
fn tc(netns: &Netns, interface: &str, words: &str) {
    shell(netns, &format!("tc {}", words.replace("DEV", interface)));
}

/// Creates a bridge above the host's end of the first link. A bridge has no native mode.
fn bridged(lab: &Lab) -> String {
    let (mac, port) = (host_mac(0), lab.iface());
    shell(&lab.host, &format!("ip link add bridge0 address {mac} type bridge"));
    shell(&lab.host, &format!("ip link set {port} master bridge0 && ip link set bridge0 arp off up"));
    let shown = || shell(&lab.host, "ip link show dev bridge0");
    until(5, || shown().contains("state UP"), shown);
    "bridge0".to_owned()
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
        sender.send(&Frame::new(packet)).unwrap();
    }
}

/// Waits until the packets have arrived.
fn settle(netns: &Netns, counter: &str, count: u64) {
    let arrived = || arrived(netns, counter);
    until(5, || arrived() >= count, || format!("{counter}: {} of {count}", arrived()));
}
