//! The updater: the owner of the sources, their gates and the kernel object. It handles one event after
//! another.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, OnceLock,
        mpsc::{Receiver, RecvTimeoutError, Sender},
    },
    time::{Duration, Instant},
};

use tokio::sync::{oneshot, watch};

use super::{
    Failure,
    clock::{Clock, Now, Sample, Stamp},
    copies::Copies,
    event::{Event, TICK},
    exports::Exports,
    feed::{Command, ReadResult},
    lease::Basis,
    publication::Publication,
    report,
    sources::Sources,
    tally::{Rejection, StateFailure, Tally},
};
use crate::{
    gate::{Decision, Timestamp, approval},
    generation::Groups,
    kernel::Kernel,
    runtime::{Failsafe, Reattach, State, azure},
    service_manager,
    settings::LeaseTerm,
    snapshot::Updates,
    source::watch::Watch,
    state::{Pending, Storage},
};

/// Delay between the moment when a confirmation becomes possible and the next reading of the source.
const SLACK: Duration = Duration::from_secs(1);
/// A step of the wall clock of at least this many seconds is logged, and the gates are saved at once.
const STEP: u64 = 60;

pub(crate) struct Updater {
    pub(super) sources: Sources,
    /// One for each source; `None` for a source that cannot be read again.
    pub(super) feeds: Arc<OnceLock<Vec<Option<Sender<Command>>>>>,
    /// Kept so that the files stay watched.
    pub(super) _watch: Option<Watch>,
    pub(super) events: Receiver<Event>,
    /// Storage of the gates and documents; `None` if it cannot be used.
    pub(super) storage: Option<Storage>,
    /// True while the state directory does not answer, for the daemon's readiness.
    pub(super) hang: watch::Sender<bool>,
    /// The time since which it does not answer.
    pub(super) hung_since: Option<Timestamp>,
    pub(super) clock: Clock,
    /// The last look at the clock.
    pub(super) now: Now,
    pub(super) term: LeaseTerm,
    /// The time at which each source last confirmed the published list. Confirming a list that the kernel
    /// rejected does not count.
    pub(super) confirmed: Vec<Option<Stamp>>,
    pub(super) azure: Arc<azure::Known>,
    /// Number of updates that were not published, by reason.
    pub(super) refused: Tally<Rejection>,
    /// Number of failures to save or load, by subject.
    pub(super) state_failures: Tally<StateFailure>,
    /// The running search for an approval. A late answer is carried out all the same: the approval's file is
    /// removed by then.
    pub(super) approval: Option<Pending<Option<approval::Request>>>,
    /// True if there is an approval that can be neither carried out nor removed.
    pub(super) approval_is_stuck: bool,
    pub(super) publication: Publication,
    pub(super) copies: Copies,
    /// The sources that a running reload waits for. Dropping the sender ends the reload.
    pub(super) reload: Option<(BTreeSet<usize>, oneshot::Sender<()>)>,
    /// The time of the next save of the gates; `None` while nothing has changed.
    pub(super) save_at: Option<Instant>,
    /// The sources that the last log line reported as left out.
    pub(super) left_out: Vec<String>,
    /// The facts for which the kernel's leases were last set, and that time.
    pub(super) lease: Option<(Basis, Instant)>,
    /// True while the kernel rejects the leases.
    pub(super) lease_is_stuck: bool,
    /// True once it was logged that several sets of sources share a lease.
    pub(super) is_lease_shared: bool,
    /// True if packets are tagged or dropped.
    pub(super) has_actions: bool,
}

impl Updater {
    /// Runs until a stop event. It then ends drops and closes the kernel object first, and saves everything.
    pub(crate) fn run(
        mut self,
        mut kernel: Kernel,
        mut failsafe: Option<Failsafe>,
        mut reattach: Option<Reattach>,
        state: &State,
    ) {
        loop {
            let event = self.events.recv_timeout(TICK);
            let now = self.look_at_clock();
            match event {
                Ok(Event::Read(outcome)) => {
                    self.was_read(outcome.source);
                    let source = self.sources.name(outcome.source).to_owned();
                    if let Some((failure, again)) = self.on_reading(*outcome, now) {
                        report::failure(&source, &failure, again);
                    }
                }
                Ok(Event::Reload(done)) => {
                    tracing::info!("SIGHUP: every source is read again");
                    failsafe.iter_mut().for_each(Failsafe::look_soon);
                    self.reload(done);
                }
                Ok(Event::Watchdog) => service_manager::alive(),
                // Each round looks at the interfaces.
                Ok(Event::Interfaces) => failsafe.iter_mut().for_each(Failsafe::look_soon),
                Err(RecvTimeoutError::Timeout) => {}
                // A disconnected channel means that the daemon has ended.
                Ok(Event::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            }
            self.look_at_storage();
            let decisions = self.sources.tick(now);
            self.apply_decisions(decisions);
            self.approvals(now);
            let before = std::mem::replace(&mut self.left_out, self.sources.left_out());
            report::fits(&before, &self.left_out);
            self.publish(&mut kernel, state, now);
            self.refresh_lease(&mut kernel, &groups(state));
            if let Some(failsafe) = &mut failsafe {
                failsafe.keep(&mut kernel, state);
            }
            if let Some(reattach) = &mut reattach {
                reattach.keep(&mut kernel, state, failsafe.as_mut());
            }
            if self.save_at.is_some_and(|at| at <= Instant::now()) {
                self.save();
            }
            state.set_updates(self.updates());
            self.write_copies(state, now);
        }
        drop(kernel);
        self.save();
        if let Some(storage) = self.storage.as_ref().filter(|storage| storage.is_late()) {
            let path = storage.path().display();
            tracing::error!(%path, "the state directory does not answer: what was not written by now is lost");
        }
    }

    /// Sets the kernel's leases for the published generation, and shows them. A start calls it before it
    /// attaches anything, so that no trusted packet passes without its tag.
    pub(crate) fn trust(&mut self, kernel: &mut Kernel, state: &State) {
        self.look_at_clock();
        self.refresh_lease(kernel, &groups(state));
        state.set_updates(self.updates());
    }

    /// Looks at the clock and returns the run time. A step of the wall clock changes no age. After a step the
    /// gates are saved again.
    pub(super) fn look_at_clock(&mut self) -> Timestamp {
        let before = std::mem::replace(&mut self.now, self.clock.look(Sample::take()));
        if before.is_plausible != self.now.is_plausible || before.offset.abs_diff(self.now.offset) >= STEP {
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

    /// Orders a reading of every source. `done` is dropped when each of them was read.
    fn reload(&mut self, done: oneshot::Sender<()>) {
        let feeds = self.commands().enumerate();
        // A feed that has ended takes no order.
        let ordered = feeds.filter_map(|(at, feed)| feed?.send(Command::Now).ok().map(|()| at));
        let awaited: BTreeSet<usize> = ordered.collect();
        self.reload = (!awaited.is_empty()).then_some((awaited, done));
    }

    /// Records that a source was read. A running reload may end with it.
    fn was_read(&mut self, source: usize) {
        if let Some((awaited, _)) = &mut self.reload {
            awaited.remove(&source);
        }
        self.reload = self.reload.take().filter(|(awaited, _)| !awaited.is_empty());
    }

    /// Handles the result of a reading. Returns a failure that is not logged yet, and the time until the next
    /// try.
    pub(super) fn on_reading(
        &mut self,
        outcome: ReadResult,
        now: Timestamp,
    ) -> Option<(Failure, Option<Duration>)> {
        let ReadResult { source: at, reading, state_error, again } = outcome;
        if let Some(error) = state_error {
            let source = self.sources.name(at);
            tracing::warn!(%source, %error, "the downloaded document is not kept");
            self.state_failures.add(StateFailure::Document);
        }
        let reading = match reading {
            Ok(reading) => reading,
            Err(failure) => {
                return self.sources.failed(at, &failure).then_some((failure, again));
            }
        };
        if self.sources.recovers(at) {
            tracing::info!(source = self.sources.name(at), "the source is read again");
        }
        if let Some(regions) = &reading.azure {
            self.azure.set(at, regions);
        }
        report::remarks(&self.sources.remarks(at, &reading));
        let decisions = self.sources.offer(at, &reading, now);
        let name = self.sources.name(at).to_owned();
        self.apply_decisions(BTreeMap::from([(name, decisions)]));
        self.publication.set_due();
        if let (Some(due), Some(Some(feed))) = (self.sources.confirmation_due(at), self.commands().nth(at)) {
            let _ = feed.send(Command::Within(due + SLACK));
        }
        None
    }

    /// Logs and counts the gates' decisions, and schedules their publication and saving.
    pub(super) fn apply_decisions(&mut self, decisions: BTreeMap<String, Vec<Decision>>) {
        for (source, decisions) in decisions {
            report::decisions(&source, &decisions);
            for decision in &decisions {
                if let Decision::Refused(refusal) = decision {
                    self.refused.add(Rejection::Gate(*refusal));
                }
            }
            if decisions.iter().any(Decision::is_published) {
                self.publication.set_due();
            }
            if !decisions.is_empty() {
                self.save_at = Some(Instant::now());
            }
        }
    }

    /// The feed of each source, in the order of the sources.
    fn commands(&self) -> impl Iterator<Item = Option<&Sender<Command>>> {
        self.feeds.get().into_iter().flatten().map(Option::as_ref)
    }

    /// The current state of the updates, for snapshots.
    pub(crate) fn updates(&self) -> Updates {
        Updates {
            sources: self.sources.statuses(&self.now, &self.current_leases()),
            pending: self.sources.pending(),
            refused: self.refused.counts(),
            state_failures: self.state_failures.counts(),
            exports: self.copies.exports.as_ref().map(Exports::status).unwrap_or_default(),
        }
    }
}

/// The lease groups of the published generation.
fn groups(state: &State) -> Groups {
    state.published().groups().clone()
}
