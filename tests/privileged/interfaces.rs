//! Interfaces that are deleted, moved or renamed, that lie above one another, that match a pattern, or that
//! have long names.

mod flaps;
mod moved;
mod names;
mod order;
mod patterns;
mod returned;

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::Duration,
};

use d365_tests::{
    daemon::Daemon,
    frame::{Frame, Packet, Tcp},
    lab::Link,
    raw::FrameSender,
    veth,
};

/// In a documented range.
const LISTED: &str = "13.71.171.9";
const MTU: u32 = 1500;
/// The daemon attaches again within this number of seconds.
const LIMIT: u64 = 5;
const PATIENCE: Duration = Duration::from_secs(10);

fn of(daemon: &Daemon, metric: &str, link: &Link) -> u64 {
    daemon.scrape().unwrap().sum(metric, &[("iface", &link.host.name)])
}

fn is_ready(daemon: &Daemon) -> bool {
    daemon.get("/readyz", &[]).unwrap().status == 200
}

fn delete(link: &Link) {
    link.host.netns.ip(&["link", "del", "dev", &link.host.name]).unwrap();
}

/// Creates a link again that was deleted. Its interfaces have other indexes than before.
fn create(link: &Link) {
    veth::connect(&link.sender, &link.host, MTU).unwrap();
}

/// Sends SYNs from a listed source, about one a millisecond, until `done` is set. Returns their number.
fn send_until(link: &Link, done: &AtomicBool) -> u64 {
    let source = LISTED.parse().unwrap();
    let syn = Packet::between(source, link.host_for(source), Tcp::new(40_000, 25).syn());
    let (frame, sender) = (Frame::new(syn), FrameSender::on(&link.sender).unwrap());
    let mut sent = 0;
    while !done.load(Relaxed) {
        sender.send(&frame).unwrap();
        sent += 1;
        thread::sleep(Duration::from_millis(1));
    }
    sent
}
