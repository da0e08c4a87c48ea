//! Interfaces that are deleted, moved or renamed, that lie above one another, that match a pattern, or that
//! have long names.

mod moved;
mod names;
mod order;
mod patterns;
mod returned;

use std::time::Duration;

use d365_tests::{daemon::Daemon, lab::Link, veth};

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
