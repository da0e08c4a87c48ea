//! The hand-over under the real systemd, with the unit of the package. These tests run only in a machine that
//! is made for them.

mod boot;
mod disk;
mod host;
mod instances;
mod package;
mod reload;
mod replaced;
mod rights;
mod sockets;

use std::{thread, time::Duration};

use d365_tests::{daemon::DaemonOptions, lab::Lab, patience, require, scrape::Scrape, systemd::Unit};

use super::{
    endurance,
    manager::{Manager, PATIENCE},
    mode::{self, Mode},
    objects::Objects,
};
use crate::steps::{has_xdp, until};

/// The unit's name.
const NAME: &str = "d365";
/// A test starts the daemon more often than systemd allows by default.
const NO_LIMIT: &str = "[Unit]\nStartLimitIntervalSec=0\n";

/// A daemon that systemd runs.
struct Systemd {
    unit: Unit,
    /// The process id of the daemon before the last start.
    before: Option<u32>,
}

impl Systemd {
    fn new(lab: &Lab, options: &DaemonOptions) -> Self {
        Self { unit: Unit::new(NAME, &lab.host, &stateless(options)).unwrap(), before: None }
    }

    fn property(&self, name: &str) -> String {
        self.unit.property(name).unwrap()
    }

    /// Waits until no daemon runs and systemd keeps nothing.
    fn wait_for_the_end(&self, state: &str) {
        let has_ended = || self.property("ActiveState") == state && self.kept() == 0;
        until(10, has_ended, || format!("{} with {} descriptors", self.property("ActiveState"), self.kept()));
        assert_eq!(self.unit.pid().unwrap(), None);
    }
}

impl Manager for Systemd {
    fn configure(&mut self, options: &DaemonOptions) {
        self.unit.write(&stateless(options)).unwrap();
    }

    fn begin(&mut self) {
        self.before = self.unit.pid().unwrap();
        self.unit.systemctl("restart", &["--no-block"]).unwrap();
    }

    fn wait_until_ready(&mut self) {
        let is_new = || self.unit.pid().unwrap().is_some_and(|pid| Some(pid) != self.before);
        until(20, is_new, || format!("no new daemon; log:\n{}", self.unit.log()));
        self.unit.wait_until_ready(PATIENCE).unwrap();
    }

    fn kill(&mut self) {
        self.before = self.unit.pid().unwrap();
        self.unit.kill().unwrap();
    }

    fn stop(&mut self) {
        self.unit.systemctl("stop", &[]).unwrap();
        self.wait_for_the_end("inactive");
    }

    fn kept(&self) -> usize {
        self.property("NFileDescriptorStore").parse().unwrap()
    }

    fn pid(&self) -> u32 {
        self.unit.pid().unwrap().unwrap()
    }

    fn scrape(&self) -> Scrape {
        self.unit.scrape().unwrap()
    }

    fn log(&self) -> String {
        self.unit.log()
    }
}

/// The same options with the state directory of the unit.
fn stateless(options: &DaemonOptions) -> DaemonOptions {
    DaemonOptions { state: None, ..options.clone() }
}

/// Runs a test with a daemon that systemd runs. Afterwards the kernel has no program, map or link more.
fn with_systemd(test: impl FnOnce(&Lab, &mut Systemd)) {
    let lab = Lab::new().unwrap();
    let mut systemd = Systemd::new(&lab, &mode::options(&lab, "native"));
    systemd.unit.add("no-limit", NO_LIMIT).unwrap();
    let before = Objects::all();
    test(&lab, &mut systemd);
    let left = || Objects::all().left(&before);
    until(10, || left().is_empty(), || format!("{:?} are left", left()));
}

#[test]
fn restarts_kills_and_upgrades_leave_no_gap() {
    require!(Root, Systemd, Tool("ip"), Tool("nft"), Daemon);
    with_systemd(|lab, systemd| endurance::leaves_no_gap(lab, Mode::Xdp, systemd));
}

#[test]
fn a_stop_leaves_nothing_whenever_it_comes() {
    require!(Root, Systemd, Tool("ip"), Tool("bpftool"), Daemon);
    with_systemd(|lab, systemd| endurance::a_stop_leaves_nothing(lab, systemd));
}

/// systemd gives up after the third start, and closes what it kept.
#[test]
fn a_daemon_that_is_not_started_again_leaves_nothing() {
    require!(Root, Systemd, Tool("ip"), Daemon);
    with_systemd(|lab, systemd| {
        systemd.unit.add("no-limit", "[Unit]\nStartLimitIntervalSec=1h\nStartLimitBurst=3\n").unwrap();
        systemd.restart();
        for kills_left in (0..3).rev() {
            assert!(has_xdp(&lab.host, lab.iface()), "{kills_left} kills before the last");
            systemd.kill();
            if kills_left > 0 {
                // The next daemon has not been started yet, is starting, or works.
                thread::sleep(patience::stretched(Duration::from_millis(50)));
            }
        }
        systemd.wait_for_the_end("failed");
        until(10, || !has_xdp(&lab.host, lab.iface()), || "the program is left".to_owned());
    });
}
