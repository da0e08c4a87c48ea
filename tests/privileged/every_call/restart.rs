//! Taking over from a killed daemon, and stopping: counts are still in place, or the next daemon has them.

use anyhow::{Result, ensure};
use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    require,
    seccomp::Faults,
};
use nix::sys::signal::Signal;

use super::{
    Fault, PATIENCE, Place, ends_as_documented, failed, faults, inflict,
    place::Counts,
    start::{wait_until_announced, works},
    wait_for_calls,
};

/// Log messages of a daemon whose kill would lose its counts, or leave its program attached.
const KILLED_AT_A_COST: [&str; 3] =
    ["counters are not pinned", "attached by netlink, not by a BPF link", "held by a clsact filter"];

/// A daemon that has counted packets and will be killed or stopped.
struct Counted {
    place: Place,
    options: DaemonOptions,
    daemon: Option<Daemon>,
    faults: Faults,
    counts: Counts,
}

impl Counted {
    fn start() -> Self {
        let place = Place::new();
        let options = place.options("mark");
        let mut counted =
            Self { place, options, daemon: None, faults: Faults::new(), counts: Counts::default() };
        counted.succeeds().unwrap();
        counted
    }

    /// Starts the next daemon, without a fault, and checks that it has all counts.
    fn succeeds(&mut self) -> Result<()> {
        self.faults = Faults::new();
        let daemon = Daemon::start(&self.place.lab.host, &self.options.clone().faults_by(&self.faults))?;
        works(&self.place, &daemon, self.counts)?;
        self.counts = self.counts.after_one_of_each(true);
        self.daemon = Some(daemon);
        Ok(())
    }

    fn kill(&mut self) -> Result<()> {
        self.daemon.take().map(|daemon| daemon.stop_by(Signal::SIGKILL)).transpose()?;
        ensure!(self.place.pins().len() == 2, "{:?}", self.place.pins());
        self.place.is_killed()
    }

    /// Starts a daemon that takes over while a call fails.
    fn take_over(&mut self, fault: Fault) -> Result<&'static str> {
        self.kill()?;
        let faults = Faults::new();
        faults.fail_any(fault.nth, fault.errno);
        let options = self.options.clone().faults_by(&faults);
        let outcome = match Daemon::spawn(&self.place.lab.host, &options)?.ready_or_ended(PATIENCE)? {
            Ok(daemon) => {
                wait_for_calls(&faults, fault.nth)?;
                works(&self.place, &daemon, self.counts)?;
                self.counts = self.counts.after_one_of_each(true);
                let is_killed = fault.nth.is_multiple_of(2)
                    && !KILLED_AT_A_COST.iter().any(|said| daemon.log().contains(said));
                daemon.stop_by(if is_killed { Signal::SIGKILL } else { Signal::SIGTERM })?;
                self.place.has_no_filter()?;
                "works"
            }
            Err(exit) => {
                ends_as_documented(&exit, &self.place, failed(&faults, 0, fault))?;
                "ends"
            }
        };
        self.place.is_as_it_was()?;
        self.succeeds()?;
        Ok(outcome)
    }

    /// Stops the daemon while a call fails.
    fn stop(&mut self, fault: Fault) -> Result<&'static str> {
        let Some(daemon) = self.daemon.take() else { anyhow::bail!("no daemon") };
        let made = self.faults.history().len();
        self.faults.fail_any(fault.nth, fault.errno);
        let exit = daemon.stop()?;
        ensure!(exit.status.code() == Some(0), "{}: {}", exit.status, exit.stderr);
        ensure!(self.faults.history().len() >= made + fault.nth, "the call was not made");
        self.place.is_as_it_was()?;
        self.place.has_no_filter()?;
        let left = self.place.pins().len();
        ensure!(left == 0 || left == 2, "{:?}", self.place.pins());
        self.succeeds()?;
        Ok(if left == 0 { "written" } else { "pinned" })
    }
}

#[test]
fn whichever_call_fails_no_count_is_lost_by_taking_over() {
    require!(Root, Tool("ip"), Tool("tc"), Daemon);
    let mut counted = Counted::start();
    counted.kill().unwrap();
    let (noted, host) = (Faults::new(), &counted.place.lab.host);
    let daemon = Daemon::start(host, &counted.options.clone().faults_by(&noted)).unwrap();
    wait_until_announced(&daemon).unwrap();
    let calls = noted.history();
    drop((daemon, counted));
    println!("{} calls", calls.len());
    inflict(&faults(&calls, 2, usize::MAX), Counted::start, Counted::take_over);
}

#[test]
fn whichever_call_fails_no_count_is_lost_by_stopping() {
    require!(Root, Tool("ip"), Tool("tc"), Daemon);
    let mut counted = Counted::start();
    let before = counted.faults.history().len();
    counted.daemon.take().unwrap().stop().unwrap();
    let calls = counted.faults.history().split_off(before);
    println!("{} calls", calls.len());
    assert!(!calls.is_empty());
    // All calls fail here, because they are few.
    inflict(&faults(&calls, usize::MAX, 1), Counted::start, Counted::stop);
}
