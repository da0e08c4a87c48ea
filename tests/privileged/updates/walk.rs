//! A random walk of lists, mail, stops and crashes under a service manager: no total ever falls, and every
//! connection is counted once.

use std::{
    collections::BTreeMap,
    env,
    net::{IpAddr, SocketAddr},
    thread,
    time::{Duration, SystemTime},
};

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    require,
    scrape::Scrape,
    service_manager::ServiceManager,
    tcp,
};
use nix::sys::signal::Signal;
use proptest::{
    prelude::RngExt as _,
    test_runner::{RngAlgorithm, TestRng},
};

use super::site::{PATIENCE, Site, wait_until};
use crate::{
    mail::{deliver_again, listen, tally},
    steps::{ListFile, lines},
};

/// Variable with the seed of a walk, to repeat it.
const SEED: &str = "D365_WALK_SEED";
const STEPS: usize = 25;
const RANGES: u8 = 8;
const GEOS: [&str; 3] = ["NAM", "EUR", "APJ"];
/// Prefixes of the names of totals, which never fall.
const TOTALS: [&str; 4] = ["d365_smtp_", "d365_retired_smtp_", "d365_unlisted_smtp_", "d365_other_"];

/// A series: its name and labels.
type Series = (String, BTreeMap<String, String>);

struct Walk {
    site: Site,
    options: DaemonOptions,
    list: ListFile,
    random: TestRng,
    seed: u64,
    seen: BTreeMap<Series, f64>,
    mails: u64,
}

impl Walk {
    fn new(seed: u64) -> Self {
        let site = Site::new();
        let list = ListFile::new(lines((0..RANGES).map(u32::from), "NAM"));
        let manager = ServiceManager::start().unwrap();
        let options = site.options(&[&list.source]).managed(&manager).args(["--hold", "1s", "--grace", "2s"]);
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        sources().for_each(|source| site.lab.add_source(source).unwrap());
        Self { site, options, list, random, seed, seen: BTreeMap::new(), mails: 0 }
    }

    /// Replaces the list by some of the ranges, each with a random geo.
    fn replace_by_any(&mut self) {
        let mut ranges: Vec<u8> = (0..RANGES).filter(|_| self.random.random_ratio(3, 4)).collect();
        if ranges.is_empty() {
            ranges.push(0);
        }
        let line = |range| format!("11.0.{range}.0/24,{}\n", GEOS[self.random.random_range(0..GEOS.len())]);
        let text: String = ranges.into_iter().map(line).collect();
        self.list.replace(text);
    }

    /// Delivers one mail from each source, each over one connection, and sends a segment to another port.
    fn mail_from(&mut self, sources: &[IpAddr]) {
        deliver_again(&self.site.lab, 0, sources);
        self.mails += sources.len() as u64;
        let elsewhere = SocketAddr::new(self.site.lab.link().host_for(sources[0]), 26);
        let refused = self.site.lab.sender.run(|| tcp::connect(sources[0], elsewhere));
        assert!(refused.is_err(), "nobody listens there");
    }

    fn mail_from_any(&mut self) {
        let all: Vec<IpAddr> = sources().collect();
        let some: Vec<IpAddr> = (0..3).map(|_| all[self.random.random_range(0..all.len())]).collect();
        self.mail_from(&some);
    }

    fn check(&mut self, scrape: &Scrape, when: &str) {
        let is_total = |name: &str| TOTALS.iter().any(|total| name.starts_with(total));
        let now: BTreeMap<Series, f64> = scrape
            .samples
            .iter()
            .filter(|sample| is_total(&sample.name))
            .map(|sample| ((sample.name.clone(), sample.labels.clone()), sample.value))
            .collect();
        for (series, before) in &self.seen {
            let now = now.get(series).copied().unwrap_or(0.0);
            assert!(now >= *before, "{when}: {series:?} fell from {before} to {now}; {SEED}={}", self.seed);
        }
        self.seen.extend(now);
    }

    /// Starts a daemon and checks its totals from the first scrape on: none may fall during the start either.
    fn start(&mut self) -> Daemon {
        let daemon = Daemon::spawn(&self.site.lab.host, &self.options).unwrap();
        let begun = std::time::Instant::now();
        loop {
            if let Ok(scrape) = daemon.scrape() {
                self.check(&scrape, "while it starts");
            }
            if daemon.get("/readyz", &[]).is_ok_and(|response| response.status == 200) {
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "not ready; log:\n{}", daemon.log());
        }
        self.check(&daemon.scrape().unwrap(), "once it is ready");
        daemon
    }

    fn restart(&mut self, daemon: Daemon, signal: Signal) -> Daemon {
        self.check(&daemon.scrape().unwrap(), "before the end");
        daemon.stop_by(signal).unwrap();
        self.start()
    }
}

/// An address of each range, and one that is in no range.
fn sources() -> impl Iterator<Item = IpAddr> {
    (0..RANGES).map(|range| IpAddr::from([11, 0, range, 9])).chain([IpAddr::from([198, 51, 100, 7])])
}

fn seed() -> u64 {
    match env::var(SEED) {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => SystemTime::UNIX_EPOCH.elapsed().unwrap().subsec_nanos().into(),
    }
}

#[test]
fn no_total_falls_over_a_random_walk_of_lists_and_restarts() {
    require!(Root, Tool("ip"), Daemon);
    let mut walk = Walk::new(seed());
    println!("{SEED}={}", walk.seed);
    let _listener = listen(&walk.site.lab);
    let mut daemon = walk.start();
    // The random steps may miss this case: a range is counted, retired, counted as retired, and removed.
    let first: Vec<IpAddr> = sources().take(1).collect();
    walk.mail_from(&first);
    walk.list.replace(lines((1..RANGES).map(u32::from), "NAM"));
    wait_until(&daemon, "a retired range", |scrape| scrape.sum("d365_ranges_retired", &[]) == 1);
    walk.mail_from(&first);
    wait_until(&daemon, "the end of grace", |scrape| scrape.sum("d365_ranges_retired", &[]) == 0);
    walk.mail_from(&first);
    for step in 0..STEPS {
        match walk.random.random_range(0..10) {
            0..5 => walk.replace_by_any(),
            5 => daemon = walk.restart(daemon, Signal::SIGTERM),
            6 => daemon = walk.restart(daemon, Signal::SIGKILL),
            _ => walk.mail_from(&sources().collect::<Vec<_>>()),
        }
        walk.mail_from_any();
        walk.check(&daemon.scrape().unwrap(), &format!("step {step}"));
        thread::sleep(Duration::from_millis(walk.random.random_range(0..1500)));
    }
    for signal in [Signal::SIGKILL, Signal::SIGTERM] {
        daemon = walk.restart(daemon, signal);
    }
    let scrape = daemon.scrape().unwrap();
    let connections =
        ["smtp", "retired_smtp", "unlisted_smtp"].map(|family| tally(&scrape, family, &[]).connections);
    let seed = walk.seed;
    assert_eq!(connections.iter().sum::<u64>(), walk.mails, "{connections:?}; {SEED}={seed}");
    assert!(connections.iter().all(|count| *count > 0), "{connections:?}; {SEED}={seed}");
    assert!(scrape.sum("d365_other_packets_total", &[("reason", "other_port")]) > 0);
    assert_eq!(daemon.stop().unwrap().status.code(), Some(0));
}
