//! Faults while an interface returns, or appears that matches a pattern: the daemon attaches both programs,
//! at the next try if not at the first, and leaves nothing behind when it stops.

use anyhow::{Result, ensure};
use d365_tests::{daemon::Daemon, require, seccomp::Faults, veth};

use super::{
    BETWEEN, ENDS, Fault, PATIENCE, Place, failed, faults, inflict, names_what_failed,
    place::{Counts, after_one_of_each},
    stop, wait, wait_for_calls,
};

/// A daemon whose interface comes after the start.
struct Coming {
    place: Place,
    /// True if the daemon does not know its name, and has a pattern.
    is_new: bool,
    daemon: Option<Daemon>,
    faults: Faults,
    counts: Counts,
}

impl Coming {
    /// Starts a daemon that counts, marks and drops.
    fn start(is_new: bool) -> Self {
        let (place, faults) = (Place::new(), Faults::new());
        let mut coming = Self { place, is_new, daemon: None, faults, counts: Counts::default() };
        coming.restart().unwrap();
        coming
    }

    fn delete(&self) -> Result<()> {
        let host = &self.place.lab.link().host;
        host.netns.ip(&["link", "del", "dev", &host.name]).map(drop)
    }

    /// Stops the daemon, which leaves nothing behind, and starts another.
    fn restart(&mut self) -> Result<()> {
        if let Some(daemon) = self.daemon.take() {
            stop(daemon)?;
            self.place.is_as_it_was()?;
            self.place.has_no_filter()?;
        }
        (self.faults, self.counts) = (Faults::new(), Counts::default());
        let mut options = self.place.options("mark").faults_by(&self.faults);
        if self.is_new {
            self.delete()?;
            options.arguments.iter_mut().filter(|value| *value == self.place.iface()).for_each(|name| {
                "mx*".clone_into(name);
            });
            options = options.args(["--wait-for-iface"]);
            let daemon = self.daemon.insert(Daemon::spawn(&self.place.lab.host, &options)?);
            return daemon.wait_for_log("metrics url=http", PATIENCE);
        }
        let daemon = self.daemon.insert(Daemon::start(&self.place.lab.host, &options)?);
        daemon.wait_for_log("metrics url=http", PATIENCE)
    }

    /// Creates the interface, after it was deleted, while a call fails. Returns the number of calls until it
    /// was attached.
    fn comes(&mut self, fault: Option<Fault>) -> Result<(&'static str, usize)> {
        let Some(daemon) = &self.daemon else { anyhow::bail!("no daemon") };
        let (mark, made) = (daemon.log().len(), self.faults.history().len());
        if let Some(fault) = fault {
            self.faults.fail_any(fault.nth, fault.errno);
        }
        let link = self.place.lab.link();
        if !self.is_new {
            self.delete()?;
        }
        veth::connect(&link.sender, &link.host, 1500)?;
        let log = || daemon.log().split_off(mark);
        // The second is logged too if only the tc program is missing at first.
        let attached = [": attached iface=", ": attached again iface="];
        let is_attached = || attached.iter().any(|text| log().contains(text));
        wait(|| Ok(is_attached()), || format!("it is not attached: {}", log()))?;
        let calls = self.faults.history().len() - made;
        let is_ready = || Ok(daemon.get("/readyz", &[])?.status == 200);
        wait(is_ready, || format!("{:?}; {}", daemon.get("/readyz", &[]), log()))?;
        let mut outcome = "attached";
        if let Some(fault) = fault {
            // The daemon's looks at the interface make calls too.
            wait_for_calls(&self.faults, made + fault.nth)?;
            let log = log();
            let reported = [
                "cannot attach ",
                "an interface that matches a pattern is not attached",
                "the prefixes that are never dropped stay as they were",
            ];
            if let Some(line) = log.lines().find(|line| reported.iter().any(|text| line.contains(text))) {
                names_what_failed(line, &self.place, failed(&self.faults, made, fault))?;
                outcome = "attached at the next try";
            }
        }
        self.place.counts(daemon, self.counts)?;
        self.place.send();
        self.counts = after_one_of_each(self.counts, true);
        self.place.counts(daemon, self.counts)?;
        ensure!(self.place.has_program(), "no program");
        Ok((outcome, calls))
    }
}

fn is_attached_in_the_end(is_new: bool) {
    let mut coming = Coming::start(is_new);
    let before = coming.faults.history().len();
    let (_, count) = coming.comes(None).unwrap();
    let calls = coming.faults.history()[before..][..count].to_vec();
    coming.restart().unwrap();
    println!("{} calls: {calls:?}", calls.len());
    let start = || Coming::start(is_new);
    inflict(&faults(&calls, ENDS, BETWEEN), start, |coming, fault| {
        let (outcome, _) = coming.comes(Some(fault))?;
        coming.restart()?;
        Ok(outcome)
    });
}

#[test]
fn whichever_call_fails_an_interface_that_returns_is_attached_again() {
    require!(Root, Tool("ip"), Tool("tc"), Daemon);
    is_attached_in_the_end(false);
}

#[test]
fn whichever_call_fails_an_interface_that_matches_a_pattern_is_attached() {
    require!(Root, Tool("ip"), Tool("tc"), Daemon);
    is_attached_in_the_end(true);
}
