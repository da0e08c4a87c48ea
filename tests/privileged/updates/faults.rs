//! Bad input and faults with the running daemon. Each test works in the same way. The daemon publishes a good
//! list, then something goes wrong. The daemon counts it under its reason and logs a line that an operator
//! can act on. The generation, its ranges and its metrics stay the same, and mail from a listed source is
//! still counted. When the fault is gone, the daemon accepts the next list by itself.

mod approvals;
mod damaged;
mod disk;
mod downloads;
mod kernel;
mod slow;
mod stuck;

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use d365_tests::{
    daemon::{Daemon, DaemonOptions, Exit},
    scrape::{Labels, Scrape},
    smtp::Listener,
};
use ipnet::IpNet;
use nix::sys::signal::Signal;

use super::site::{Site, ranges, wait_until};
use crate::mail::{deliver_again, listen, tally};

/// The state that must not change during a fault.
#[derive(Debug, PartialEq, Eq)]
struct Published {
    number: u64,
    info: Labels,
    ranges: BTreeSet<String>,
}

impl Published {
    fn of(scrape: &Scrape) -> Self {
        let infos: Vec<_> = scrape.select("d365_generation_info", &[]).collect();
        let [info] = infos[..] else { panic!("{infos:?}") };
        let series = scrape.select("d365_range_packets_total", &[]);
        Self {
            number: scrape.count("d365_generation", &[]),
            info: info.labels.clone(),
            ranges: series.map(|sample| sample.labels["range"].clone()).collect(),
        }
    }
}

/// A counter of failures.
#[derive(Clone, Copy, Debug)]
enum Counted<'a> {
    /// A source's failures with this reason: source, reason.
    Source(&'a str, &'a str),
    /// Updates that were refused for this reason.
    Refused(&'a str),
    /// Failures of this operation on the state directory.
    State(&'a str),
}

impl Counted<'_> {
    fn of(self, scrape: &Scrape) -> u64 {
        match self {
            Self::Source(source, reason) => {
                scrape.count("d365_source_failures_total", &[("source", source), ("reason", reason)])
            }
            Self::Refused(reason) => scrape.count("d365_updates_refused_total", &[("reason", reason)]),
            Self::State(operation) => scrape.count("d365_state_failures_total", &[("operation", operation)]),
        }
    }
}

/// A daemon with a good list, and a sender of mail who is on that list.
struct Watched<'a> {
    site: &'a Site,
    daemon: Daemon,
    published: Published,
    sender: IpAddr,
    _listener: Listener,
}

impl<'a> Watched<'a> {
    /// Starts the daemon and waits for its first list, which has `count` ranges. The sender is in one of
    /// them, and in the same one for the same list.
    fn start(site: &'a Site, options: &DaemonOptions, count: u64) -> Self {
        let listener = listen(&site.lab);
        let daemon = site.start(options);
        let scrape = wait_until(&daemon, "the first list", |scrape| ranges(scrape) == count);
        let published = Published::of(&scrape);
        let range: IpNet = published.ranges.first().unwrap().parse().unwrap();
        let sender = range.hosts().nth(8).unwrap();
        // The address exists already if the test has started a daemon before.
        let _ = site.lab.add_source(sender);
        let watched = Self { site, daemon, published, sender, _listener: listener };
        watched.goes_on();
        watched
    }

    /// Asserts that nothing has changed, and that a mail is counted as one from a listed source.
    fn goes_on(&self) {
        let counted = |scrape: &Scrape| {
            ["smtp", "retired_smtp", "unlisted_smtp"].map(|family| tally(scrape, family, &[]).connections)
        };
        let before = counted(&self.daemon.scrape().unwrap());
        deliver_again(&self.site.lab, 0, &[self.sender]);
        let scrape = self.daemon.scrape().unwrap();
        assert_eq!(Published::of(&scrape), self.published, "log:\n{}", self.daemon.log());
        let [listed, retired, unlisted] = before;
        assert_eq!(counted(&scrape), [listed + 1, retired, unlisted]);
    }

    /// Causes a fault and asserts that the daemon counts it, logs this text, and changes nothing.
    fn fails(&self, counted: Counted<'_>, says: &str, go_wrong: impl FnOnce()) {
        let before = counted.of(&self.daemon.scrape().unwrap());
        let mark = self.daemon.log().len();
        go_wrong();
        wait_until(&self.daemon, &format!("{counted:?}"), |scrape| counted.of(scrape) > before);
        self.says(mark, says);
        self.goes_on();
    }

    /// Waits until the log, from `mark` on, has a line with this text.
    fn says(&self, mark: usize, text: &str) {
        let is_logged = |_: &Scrape| self.daemon.log()[mark..].lines().any(|line| line.contains(text));
        wait_until(&self.daemon, &format!("the line `{text}`"), is_logged);
    }

    /// Waits for a list of `count` ranges. From then on it is the list that must stay.
    fn takes(&mut self, count: u64) {
        let scrape = wait_until(&self.daemon, "the next list", |scrape| ranges(scrape) == count);
        let published = Published::of(&scrape);
        assert!(published.number > self.published.number);
        self.published = published;
        self.goes_on();
    }

    /// Stops the daemon and asserts that it ends regularly.
    fn stop(self) -> Exit {
        let exit = self.ends_by(Signal::SIGTERM);
        assert!(exit.status.code() == Some(0) && exit.took < Duration::from_secs(5), "{exit:?}");
        exit
    }

    fn ends_by(self, signal: Signal) -> Exit {
        self.daemon.stop_by(signal).unwrap()
    }

    /// Makes the daemon read every source now.
    fn reads_now(&self) {
        self.daemon.signal(Signal::SIGHUP).unwrap();
    }
}

/// The first `count` prefixes of a list.
pub(super) fn prefixes(count: u64) -> Vec<String> {
    (0..count).map(|number| format!("11.0.{number}.0/24")).collect()
}

/// A service tags document with the first `count` prefixes.
pub(super) fn tags(count: u64) -> String {
    tags_of(count, &prefixes(count))
}

/// A service tags document with this change number and these prefixes.
pub(super) fn tags_of(change_number: u64, prefixes: &[String]) -> String {
    let properties = serde_json::json!({
        "changeNumber": change_number, "region": "", "regionId": 0, "platform": "Azure",
        "systemService": "", "addressPrefixes": prefixes, "networkFeatures": null,
    });
    let tag = "Dynamics365ForMarketingEmail";
    let value = serde_json::json!({ "name": tag, "id": tag, "properties": properties });
    serde_json::json!({ "changeNumber": change_number, "cloud": "Public", "values": [value] }).to_string()
}
