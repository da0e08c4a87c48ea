//! Interfaces that are deleted, moved or renamed, that lie above one another, that match a pattern, or that
//! have long names.

mod flaps;
mod left_out;
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
    lab::{Lab, Link},
    raw::FrameSender,
    veth,
};

use crate::steps::{SetOnDrop, has_xdp, knock, stop, until};

/// In a documented range.
pub(crate) const LISTED: &str = "13.71.171.9";
const MTU: u32 = 1500;
/// The daemon attaches again within this number of seconds.
pub(crate) const LIMIT: u64 = 5;
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn of(daemon: &Daemon, metric: &str, link: &Link) -> u64 {
    daemon.scrape().unwrap().sum(metric, &[("iface", &link.host.name)])
}

pub(crate) fn is_ready(daemon: &Daemon) -> bool {
    daemon.get("/readyz", &[]).unwrap().status == 200
}

fn delete(link: &Link) {
    link.host.netns.ip(&["link", "del", "dev", &link.host.name]).unwrap();
}

/// Creates a link again that was deleted. Its interfaces have other indexes than before.
fn create(link: &Link) {
    veth::connect(&link.sender, &link.host, MTU).unwrap();
}

/// 50 times the lab's second interface leaves and comes back, while the first one has traffic. The daemon
/// attaches again and counts on, and no packet of either is lost or counted twice. `is_gone` checks every
/// tenth time that it left.
fn comes_and_goes(
    lab: &Lab,
    daemon: Daemon,
    leave: impl Fn(&Link),
    is_gone: impl Fn(),
    come_back: impl Fn(&Link),
) {
    let [stays, goes] = &lab.links[..] else { unreachable!() };
    let done = AtomicBool::new(false);
    let sent = thread::scope(|scope| {
        let traffic = scope.spawn(|| send_until(stays, &done));
        let _done = SetOnDrop(&done);
        for round in 1..=50 {
            leave(goes);
            if round % 10 == 0 {
                until(LIMIT, || !is_ready(&daemon), || daemon.log());
                is_gone();
            }
            come_back(goes);
            let is_attached = || {
                of(&daemon, "d365_attached", goes) == 1 && of(&daemon, "d365_reattached_total", goes) == round
            };
            until(LIMIT, is_attached, || format!("round {round}: {}", daemon.log()));
            knock(goes, &[LISTED; 5]);
            until(LIMIT, || of(&daemon, "d365_smtp_packets_total", goes) == 5 * round, || daemon.log());
        }
        done.store(true, Relaxed);
        traffic.join().unwrap()
    });
    until(LIMIT, || of(&daemon, "d365_smtp_packets_total", stays) == sent, || daemon.log());
    until(LIMIT, || is_ready(&daemon), || daemon.log());
    assert_eq!(of(&daemon, "d365_reattached_total", stays), 0);
    stop(daemon);
    assert!(lab.links.iter().all(|link| !has_xdp(&lab.host, &link.host.name)));
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
