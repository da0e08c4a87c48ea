//! Keeps the published list current while the daemon runs. Readings of the sources, time, and the operator's
//! approvals go through the gates. The updater publishes the accepted list, keeps it trusted for a lease, and
//! saves the gates.
//!
//! One thread handles one event after another. It is the only owner of the kernel object once that is loaded.
//! If a step fails, the published generation stays, the failure is counted and logged, and the step is tried
//! again. The updater must not wait for a source: each source has a thread of its own ([`feed`]).

pub(crate) mod clock;
mod failure;
mod feed;
mod keep;
mod lease;
mod prepare;
mod publish;
mod reading;
mod renamed;
mod renew;
mod report;
mod sources;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, OnceLock,
        mpsc::{Receiver, RecvTimeoutError, Sender},
    },
    time::{Duration, Instant},
};

use tokio::sync::{oneshot, watch};

pub use failure::Failure;
pub(crate) use prepare::{Prepared, prepare};

use crate::{
    config::LeaseTerm,
    counters::Record,
    gate::{Decision, Refusal, Timestamp},
    generation::Groups,
    kernel::Kernel,
    runtime::{Failsafe, State},
    snapshot::Updates,
    source::{
        download::{Backoff, random},
        watch::Watch,
    },
    state::{Found, Pending, Storage, approval},
};
use clock::{Clock, Now, Sample, Stamp};
use feed::{Order, Outcome};
use publish::Published;
use sources::Sources;

/// Time between two ticks. At each tick the gates get the time, and the updater looks for an approval.
const TICK: Duration = Duration::from_secs(1);
/// Delay between the moment when a confirmation becomes possible and the next reading of the source.
const SLACK: Duration = Duration::from_secs(1);
/// A step of the wall clock of at least this many seconds is logged, and the gates are saved at once.
const STEP: u64 = 60;

/// An event for the updater.
pub(crate) enum Event {
    /// A source was read.
    Read(Box<Outcome>),
    /// Every source is to be read again.
    Reload,
    /// The daemon stops.
    Stop,
}

pub(crate) struct Updater {
    sources: Sources,
    /// One for each source; `None` for a source that cannot be read again.
    feeds: Arc<OnceLock<Vec<Option<Sender<Order>>>>>,
    /// Kept so that the files stay watched.
    _watch: Option<Watch>,
    events: Receiver<Event>,
    /// Storage of the gates, documents and counts; `None` if it cannot be used.
    storage: Option<Storage>,
    /// True while the state directory does not answer, for the daemon's readiness.
    hang: watch::Sender<bool>,
    /// The time since which it does not answer.
    hung_since: Option<Timestamp>,
    clock: Clock,
    /// The last look at the clock.
    now: Now,
    term: LeaseTerm,
    /// The time at which each source last confirmed the published list. Confirming a list that the kernel
    /// rejected does not count.
    confirmed: Vec<Option<Stamp>>,
    azure: Arc<crate::runtime::azure::Known>,
    /// Number of updates that were not published, by reason.
    refused: BTreeMap<&'static str, u64>,
    /// Number of failures to save or load, by subject.
    state_failures: BTreeMap<&'static str, u64>,
    /// The running search for an approval. A late answer is carried out all the same: the approval's file is
    /// removed by then.
    approval: Option<Pending<Found<approval::Request>>>,
    /// True if there is an approval that can be neither carried out nor removed.
    approval_is_stuck: bool,
    published: Published,
    /// The time of the next save of the gates; `None` while nothing has changed.
    save_at: Option<Instant>,
    /// The sources that the last log line reported as left out.
    left_out: Vec<String>,
    /// The leases that were last set in the kernel.
    lease: Option<lease::Told>,
    /// True while the kernel rejects the leases.
    lease_is_stuck: bool,
    /// True once it was logged that several sets of sources share a lease.
    is_lease_shared: bool,
    /// True if packets are tagged or dropped.
    acts: bool,
    /// The time since which a program is on an interface that was moved away and cannot be detached.
    out_of_reach: Option<Timestamp>,
    retry: Backoff,
}

impl Updater {
    /// Runs until a stop event. It then detaches first, and saves everything. It sends `trusted` once the
    /// kernel's leases are set and `state` shows them.
    pub(crate) fn run(
        mut self,
        mut kernel: Kernel,
        mut record: Record,
        mut failsafe: Option<Failsafe>,
        state: &State,
        trusted: oneshot::Sender<()>,
    ) {
        *self.state_failures.entry("counters").or_default() += record.failures();
        if record.is_behind() {
            self.save_again();
        }
        self.look_at_clock();
        self.renew(&mut kernel, &groups(state));
        state.set_updates(self.updates());
        // A daemon that is already stopping does not wait for it.
        let _ = trusted.send(());
        crate::daemon::start::announce(state);
        loop {
            let event = self.events.recv_timeout(TICK);
            let now = self.look_at_clock();
            match event {
                Ok(Event::Read(outcome)) => {
                    if let Some((failure, again)) = self.take(*outcome, now) {
                        report::failure(&failure, again);
                    }
                }
                Ok(Event::Reload) => {
                    tracing::info!("SIGHUP: every source is read again");
                    failsafe.iter_mut().for_each(Failsafe::look_soon);
                    for feed in self.orders().flatten() {
                        // A feed that has ended takes no order.
                        let _ = feed.send(Order::Now);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                // A disconnected channel means that the daemon has ended.
                Ok(Event::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            }
            self.look_at_storage();
            let decisions = self.sources.tick(now);
            self.decided(decisions);
            self.approvals(now);
            let before = std::mem::replace(&mut self.left_out, self.sources.left_out());
            report::fits(&before, &self.left_out);
            self.publish(&mut kernel, &mut record, state, now);
            self.renew(&mut kernel, &groups(state));
            if let Some(failsafe) = &mut failsafe {
                failsafe.keep(&mut kernel, state);
            }
            if self.save_at.is_some_and(|at| at <= Instant::now()) {
                self.save();
                if record.is_behind() {
                    let page = record.of_published(&state.published());
                    self.kept(record.keep(page));
                }
            }
            state.set_updates(self.updates());
        }
        drop(kernel);
        self.save();
        record.end(state);
        if let Some(storage) = self.storage.as_ref().filter(|storage| storage.is_late()) {
            let path = storage.path().display();
            tracing::error!(
                "the state directory {path} does not answer: what was not written by now is lost"
            );
        }
    }

    /// Looks at the clock and returns the run time. A step of the wall clock changes no age. After a step the
    /// gates are saved again.
    fn look_at_clock(&mut self) -> Timestamp {
        let before = std::mem::replace(&mut self.now, self.clock.look(Sample::take()));
        if before.is_plausible() != self.now.is_plausible()
            || before.offset().abs_diff(self.now.offset()) >= STEP
        {
            report::clock_step(&before, &self.now);
            self.save_at = Some(Instant::now());
        }
        let lowered = self.sources.lower_future(&self.now);
        if !lowered.is_empty() {
            report::lowered(&lowered, &self.now);
            self.save_at = Some(Instant::now());
        }
        self.now.run()
    }

    /// Handles the result of a reading. Returns the failure, if any, and the time until the next try.
    fn take(&mut self, outcome: Outcome, now: Timestamp) -> Option<(Failure, Option<Duration>)> {
        let Outcome { source: at, reading, state_error, again } = outcome;
        if let Some(error) = state_error {
            tracing::warn!("{error}");
            *self.state_failures.entry("document").or_default() += 1;
        }
        let reading = match reading {
            Ok(reading) => reading,
            Err(failure) => {
                self.sources.failed(at, &failure);
                return Some((failure, again));
            }
        };
        if let Some(regions) = &reading.azure {
            self.azure.set(at, regions);
        }
        report::remarks(&self.sources.remarks(at, &reading));
        let decisions = self.sources.offer(at, &reading, now);
        let name = self.sources.name(at).to_owned();
        self.decided(BTreeMap::from([(name, decisions)]));
        self.published.set_due();
        if let (Some(due), Some(Some(feed))) = (self.sources.confirmation_due(at), self.orders().nth(at)) {
            let _ = feed.send(Order::Within(due + SLACK));
        }
        None
    }

    /// Logs and counts the gates' decisions, and schedules their publication and saving.
    fn decided(&mut self, decisions: BTreeMap<String, Vec<Decision>>) {
        for (source, decisions) in decisions {
            report::decisions(&source, &decisions);
            for decision in &decisions {
                if let Decision::Refused(refusal) = decision {
                    *self.refused.entry(refusal.as_str()).or_default() += 1;
                }
            }
            if decisions.iter().any(Decision::is_published) {
                self.published.set_due();
            }
            if !decisions.is_empty() {
                self.save_at = Some(Instant::now());
            }
        }
    }

    /// The feed of each source, in the order of the sources.
    fn orders(&self) -> impl Iterator<Item = Option<&Sender<Order>>> {
        self.feeds.get().into_iter().flatten().map(Option::as_ref)
    }

    /// The current state of the updates, for snapshots.
    pub(crate) fn updates(&self) -> Updates {
        Updates {
            sources: self.sources.statuses(&self.now, &self.shown_leases()),
            pending: self.sources.pending(),
            refused: self.refused.iter().map(|(reason, count)| (*reason, *count)).collect(),
            state_failures: self.state_failures.iter().map(|(what, count)| (*what, *count)).collect(),
        }
    }
}

/// The lease groups of the published generation.
fn groups(state: &State) -> Groups {
    state.published().groups().clone()
}

/// Every reason for which an update is not published, with a count of zero.
fn no_refusals() -> BTreeMap<&'static str, u64> {
    let gate = Refusal::ALL.map(Refusal::as_str);
    gate.into_iter().chain(publish::REASONS).map(|reason| (reason, 0)).collect()
}

/// Every subject of a failure to save or load, with a count of zero.
fn no_state_failures() -> BTreeMap<&'static str, u64> {
    ["approval", "counters", "directory", "document", "gates", "hang"].map(|what| (what, 0)).into()
}

/// The pauses between tries after the kernel rejected a generation.
fn retries() -> Backoff {
    Backoff::new(Duration::from_secs(2), Duration::from_mins(5))
}
