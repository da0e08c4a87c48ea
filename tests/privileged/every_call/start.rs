//! Faults during a start, during the adoption of another daemon's pins, and during a stop: the daemon does
//! its work, or ends and leaves nothing of its own. Counters continue, or begin at zero and the log reports
//! that.

use anyhow::{Result, ensure};
use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    require,
    seccomp::{Faults, command},
};
use nix::sys::signal::Signal;

use super::{
    BETWEEN, ENDS, Fault, PATIENCE, Place, ends_as_documented, failed, faults, inflict,
    place::{Counts, after_one_of_each},
    stop, wait, wait_for_calls,
};

/// `BPF_LINK_UPDATE`, linux/bpf.h.
const LINK_UPDATE: u32 = 29;

/// Waits for the last step of a start: the summary, or the message that the counters cannot be read.
fn wait_until_announced(daemon: &Daemon) -> Result<()> {
    let is_announced =
        |log: &str| log.contains("metrics url=http") || log.contains("the counters cannot be read error=");
    wait(|| Ok(is_announced(&daemon.log())), || format!("nothing is announced: {}", daemon.log()))
}

/// Checks that the daemon counts, tags and drops.
fn works(place: &Place, daemon: &Daemon, before: Counts) -> Result<()> {
    wait_until_announced(daemon)?;
    if daemon.log().contains("cannot set the leases") {
        daemon.wait_for_log("the leases are set again", PATIENCE)?;
    }
    place.counts(daemon, before)?;
    place.send();
    place.counts(daemon, after_one_of_each(before, true))
}

/// The line of a daemon that does not continue earlier counters.
const ZERO: &str = "counters begin at zero";

/// Starts a daemon while a call fails. Returns it if it works, and its log if it ended as documented.
fn begin(
    place: &Place,
    options: &DaemonOptions,
    fault: Fault,
    before: Counts,
) -> Result<std::result::Result<Daemon, String>> {
    let faults = Faults::new();
    faults.fail_any(fault.nth, fault.errno);
    let options = options.clone().faults_by(&faults);
    match Daemon::spawn(&place.lab.host, &options)?.ready_or_ended(PATIENCE)? {
        Ok(daemon) => {
            wait_for_calls(&faults, fault.nth)?;
            let before = if daemon.log().contains(ZERO) { Counts::default() } else { before };
            works(place, &daemon, before).map(|()| Ok(daemon))
        }
        Err(exit) => ends_as_documented(&exit, place, failed(&faults, 0, fault)).map(|()| Err(exit.stderr)),
    }
}

fn start(place: &Place, fault: Fault) -> Result<&'static str> {
    let begun = begin(place, &place.options("mark"), fault, Counts::default())?;
    let outcome = if begun.is_ok() { "works" } else { "ends" };
    begun.map_or(Ok(()), stop)?;
    place.is_as_it_was()?;
    Ok(outcome)
}

#[test]
fn whichever_call_fails_a_daemon_works_or_leaves_nothing() {
    require!(Root, Tool("ip"), Tool("tc"), Daemon);
    let (place, unharmed) = (Place::new(), Faults::new());
    let daemon = Daemon::start(&place.lab.host, &place.options("mark").faults_by(&unharmed)).unwrap();
    wait_until_announced(&daemon).unwrap();
    let calls = unharmed.history();
    stop(daemon).unwrap();
    println!("{} calls", calls.len());
    let kinds = [command::MAP_CREATE, command::PROG_LOAD, command::PROG_TEST_RUN];
    for kind in kinds.into_iter().chain([command::LINK_CREATE]) {
        assert!(calls.contains(&kind), "no command {kind}");
    }
    attaches_last(&calls, 2);
    inflict(&faults(&calls, ENDS, BETWEEN), Place::new, |place, fault| start(place, fault));
}

/// Checks that every program is loaded before the first is attached.
fn attaches_last(calls: &[u32], attachments: usize) {
    let load = calls.iter().rposition(|command| *command == command::PROG_LOAD).unwrap();
    let links = calls[load..].iter().filter(|command| **command == command::LINK_CREATE);
    assert_eq!(links.count(), attachments, "{calls:?}");
}

/// The faults of these calls from the load of the tc program on, which is the last program. The calls before
/// are those of every mode.
fn faults_of_tc(calls: &[u32]) -> Vec<Fault> {
    let load = calls.iter().rposition(|command| *command == command::PROG_LOAD).unwrap();
    let mut faults = faults(calls, ENDS, usize::MAX);
    faults.retain(|fault| fault.nth > load);
    assert!(!faults.is_empty());
    faults
}

#[test]
fn whichever_call_fails_a_daemon_by_tc_works_or_leaves_nothing() {
    require!(Root, Tool("ip"), Tool("tc"), Kernel(6, 6, "tcx"), Daemon);
    let (place, unharmed) = (Place::by("tc"), Faults::new());
    let daemon = Daemon::start(&place.lab.host, &place.options("mark").faults_by(&unharmed)).unwrap();
    wait_until_announced(&daemon).unwrap();
    let calls = unharmed.history();
    stop(daemon).unwrap();
    attaches_last(&calls, 1);
    inflict(&faults_of_tc(&calls), || Place::by("tc"), |place, fault| start(place, fault));
}

/// A daemon that has counted packets, and keeps its program attached and its counters when it ends.
struct Counted {
    place: Place,
    options: DaemonOptions,
    daemon: Option<Daemon>,
    faults: Faults,
    counts: Counts,
}

impl Counted {
    fn start(mode: &'static str) -> Self {
        let place = Place::by(mode);
        let options = place.options("mark").args(["--keep-attached"]);
        let mut counted =
            Self { place, options, daemon: None, faults: Faults::new(), counts: Counts::default() };
        counted.succeeds().unwrap();
        counted
    }

    /// Starts the next daemon, without a fault, and checks that it has all counts.
    fn succeeds(&mut self) -> Result<()> {
        self.faults = Faults::new();
        let daemon = Daemon::start(&self.place.lab.host, &self.options.clone().faults_by(&self.faults))?;
        self.count_from(&daemon.log());
        works(&self.place, &daemon, self.counts)?;
        self.counts = after_one_of_each(self.counts, true);
        self.daemon = Some(daemon);
        Ok(())
    }

    fn count_from(&mut self, log: &str) {
        if log.contains(ZERO) {
            self.counts = Counts::default();
        }
    }

    fn end(&mut self, signal: Signal) -> Result<()> {
        self.daemon.take().map(|daemon| daemon.stop_by(signal)).transpose()?;
        ensure!(self.place.has_program(), "the program is detached");
        Ok(())
    }

    /// Starts a daemon that adopts while a call fails, and ends it.
    fn adopt(&mut self, fault: Fault) -> Result<&'static str> {
        self.end(if fault.nth.is_multiple_of(2) { Signal::SIGKILL } else { Signal::SIGTERM })?;
        let begun = begin(&self.place, &self.options, fault, self.counts)?;
        let outcome = match begun {
            Ok(daemon) => {
                self.count_from(&daemon.log());
                self.counts = after_one_of_each(self.counts, true);
                daemon.stop_by(Signal::SIGKILL)?;
                "works"
            }
            Err(log) => {
                self.count_from(&log);
                "ends"
            }
        };
        self.succeeds()?;
        Ok(outcome)
    }

    /// Stops the daemon while a call fails.
    fn stop(&mut self, fault: Fault) -> Result<&'static str> {
        let Some(daemon) = self.daemon.take() else { anyhow::bail!("no daemon") };
        let made = self.faults.history().len();
        self.faults.fail_any(fault.nth, fault.errno);
        stop(daemon)?;
        ensure!(self.faults.history().len() >= made + fault.nth, "the call was not made");
        ensure!(self.place.has_program(), "the program is detached");
        self.place.has_no_filter()?;
        self.succeeds()?;
        Ok("stops")
    }
}

#[test]
fn whichever_call_fails_an_adoption_counts_on_or_reports_that_it_does_not() {
    require!(Root, Tool("ip"), Tool("tc"), Daemon);
    adoptions("native", |calls| faults(calls, 2, usize::MAX));
}

#[test]
fn whichever_call_fails_an_adoption_by_tc_counts_on_or_reports_that_it_does_not() {
    require!(Root, Tool("ip"), Tool("tc"), Kernel(6, 6, "tcx"), Daemon);
    adoptions("tc", faults_of_tc);
}

/// Adopts while one of these calls fails, in turn.
fn adoptions(mode: &'static str, faults: impl FnOnce(&[u32]) -> Vec<Fault>) {
    let mut counted = Counted::start(mode);
    counted.end(Signal::SIGKILL).unwrap();
    let (noted, host) = (Faults::new(), &counted.place.lab.host);
    let daemon = Daemon::start(host, &counted.options.clone().faults_by(&noted)).unwrap();
    wait_until_announced(&daemon).unwrap();
    let calls = noted.history();
    drop((daemon, counted));
    println!("{} calls", calls.len());
    assert!(calls.contains(&LINK_UPDATE), "no program is replaced");
    inflict(&faults(&calls), || Counted::start(mode), Counted::adopt);
}

#[test]
fn whichever_call_fails_no_count_is_lost_by_stopping() {
    require!(Root, Tool("ip"), Tool("tc"), Daemon);
    let mut counted = Counted::start("native");
    let before = counted.faults.history().len();
    counted.daemon.take().unwrap().stop().unwrap();
    let calls = counted.faults.history().split_off(before);
    println!("{} calls", calls.len());
    assert!(!calls.is_empty());
    // All calls fail here, because they are few.
    inflict(&faults(&calls, usize::MAX, 1), || Counted::start("native"), Counted::stop);
}
