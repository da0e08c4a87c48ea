//! Faults while a list changes: the new list is published, or the published one stays and the next attempt
//! publishes the new one. No count is lost.

use anyhow::{Context as _, Result, ensure};
use d365_tests::{daemon::Daemon, require, seccomp::Faults};
use nix::sys::signal::Signal;

use super::{
    BETWEEN, ENDS, ERRORS, Fault, PATIENCE, Place, failed, faults, inflict, names_what_failed,
    place::{Counts, after_one_of_each},
    stop, wait,
};

const REFUSED: &str = "the new list is not published";

/// A daemon whose list changes several times.
struct Changing {
    place: Place,
    daemon: Daemon,
    faults: Faults,
    generation: u64,
    is_can: bool,
    counts: Counts,
}

impl Changing {
    /// Starts a daemon that counts, sets the code point and drops.
    fn start() -> Self {
        let (place, faults) = (Place::new(), Faults::new());
        let daemon = Daemon::start(&place.lab.host, &place.options("dscp").faults_by(&faults)).unwrap();
        daemon.wait_for_log("metrics url=http", PATIENCE).unwrap();
        Self { place, daemon, faults, generation: 1, is_can: true, counts: Counts::default() }
    }

    /// The line about the next generation.
    fn published_next(&self) -> String {
        format!("the new list is published generation={} ", self.generation + 1)
    }

    /// Makes the daemon read the list again. Returns the log up to the result, and true if the list was
    /// published.
    fn reads(&self) -> Result<(String, bool)> {
        let mark = self.daemon.log().len();
        self.daemon.signal(Signal::SIGHUP)?;
        let published = self.published_next();
        let log = || self.daemon.log().split_off(mark);
        let has_come = |log: &str| log.contains(&published) || log.contains(REFUSED);
        wait(|| Ok(has_come(&log())), || format!("nothing came of it: {}", log()))?;
        let log = log();
        let is_published = log.contains(&published);
        Ok((log, is_published))
    }

    /// Checks that the published list counts one packet from each source, and that no count was lost.
    fn judges(&mut self) -> Result<()> {
        let scrape = self.daemon.scrape()?;
        let generation = scrape.count("d365_generation", &[]);
        ensure!(generation == self.generation, "generation {generation}, not {}", self.generation);
        self.place.send();
        self.counts = after_one_of_each(self.counts, self.is_can);
        self.place.counts(&self.daemon, self.counts)
    }

    fn is_published(&mut self, is_can: bool) -> Result<()> {
        (self.generation, self.is_can) = (self.generation + 1, is_can);
        self.judges()
    }

    fn change(&mut self, fault: Option<Fault>) -> Result<&'static str> {
        let is_can = !self.is_can;
        let refused = self.refused()?;
        // The reads for that scrape are among the calls that were made.
        let made = self.faults.history().len();
        if let Some(fault) = fault {
            self.faults.fail_any(fault.nth, fault.errno);
        }
        self.place.write(is_can);
        let (log, published) = self.reads()?;
        let Some(fault) = fault else {
            ensure!(published, "{log}");
            return self.is_published(is_can).map(|()| "published");
        };
        ensure!(self.faults.history().len() >= made + fault.nth, "the call was not made");
        if published {
            self.is_published(is_can)?;
            return Ok("published");
        }
        let line = log.lines().find(|line| line.contains(REFUSED)).context("no line about the refusal")?;
        names_what_failed(line, &self.place, failed(&self.faults, made, fault))?;
        let (counted, stays) = (self.counts_a_refusal(refused), self.judges());
        // The daemon also tries again by itself. If it did so first, the previous list cannot be checked any
        // more.
        if self.daemon.log().contains(&self.published_next()) {
            *self = Self::start();
            return Ok("overtaken");
        }
        stays?;
        counted?;
        let (log, published) = self.reads()?;
        ensure!(published, "the next attempt fails too: {log}");
        self.is_published(is_can)?;
        Ok("refused")
    }

    /// Waits until the metric shows the refusal, which is shortly after the log message.
    fn counts_a_refusal(&self, before: u64) -> Result<()> {
        let otherwise = || format!("{:?} refused, {before} before", self.refused());
        wait(|| Ok(self.refused()? == before + 1), otherwise)
    }

    fn refused(&self) -> Result<u64> {
        Ok(self.daemon.scrape()?.sum("d365_updates_refused_total", &[]))
    }
}

#[test]
fn whichever_call_fails_the_new_list_is_published_or_the_old_one_stays() {
    require!(Root, Tool("ip"), Tool("tc"), Daemon);
    let mut changing = Changing::start();
    // From the third list on, slots are used again.
    (0..2).for_each(|_| _ = changing.change(None).unwrap());
    let before = changing.faults.history().len();
    changing.place.write(!changing.is_can);
    assert!(changing.reads().unwrap().1);
    let calls = changing.faults.history().split_off(before);
    println!("{} calls", calls.len());
    changing.is_published(!changing.is_can).unwrap();
    stop(changing.daemon).unwrap();
    let faults = faults(&calls, ENDS, BETWEEN);
    let outcomes = inflict(&faults, Changing::start, |changing, fault| changing.change(Some(fault)));
    // Overtaken changes check less. A single call may be one of them.
    let overtaken = outcomes.get("overtaken").copied().unwrap_or(0);
    assert!(faults.len() <= ERRORS.len() || overtaken * 4 <= faults.len(), "{outcomes:?}");
}
