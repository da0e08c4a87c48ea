//! Publishes the list that the gates accept, if it differs from the published list. If the kernel rejects a
//! list, the published generation stays and the updater tries again.

use std::time::Instant;

use super::{
    event_loop::Updater,
    lease::AppliedLeases,
    report,
    tally::{Rejection, StateFailure},
};
use crate::{
    counters::{Goal, PendingGeneration, Record},
    gate::Timestamp,
    generation::Groups,
    kernel::{CounterError, Kernel, PublishError, VerifyError},
    logging,
    ranges::RangeSet,
    runtime::State,
};

/// Publishes one generation: saves the counter keys that it will have, lets the kernel verify and activate
/// it, and records it. `show` runs before a scrape can see the generation. Returns its number, and the error
/// if the last counts of ranges that are gone could not be read.
///
/// # Errors
/// [`PublishError`]; the published generation stays then.
pub(crate) fn publish_generation(
    kernel: &mut Kernel,
    record: &mut Record,
    state: &State,
    pending: PendingGeneration,
    show: impl FnOnce(),
) -> Result<(u64, Result<(), CounterError>), PublishError> {
    let generation = state.published().generation().number + 1;
    let _span = tracing::error_span!("publish", generation).entered();
    let page = record.of_pending(&state.published(), &pending);
    record.keep(page);
    kernel.publish(&pending.compiled)?;
    let mut published = state.published();
    state.set_table(kernel.table_size());
    let last_counts = published.commit(pending, |slots| state.read_slots(slots));
    let (number, page) = (published.generation().number, record.of_published(&published));
    show();
    drop(published);
    record.keep(page);
    Ok((number, last_counts))
}

impl Updater {
    /// Publishes the accepted list, if that is due.
    pub(super) fn publish(
        &mut self,
        kernel: &mut Kernel,
        record: &mut Record,
        state: &State,
        now: Timestamp,
    ) {
        if !self.publication.is_to_be_tried(Instant::now()) {
            return;
        }
        match self.try_to_publish(kernel, record, state, now) {
            Ok(set) => self.publication.succeeded(set),
            Err((reason, error)) => {
                self.refused.add(reason);
                let wait = self.publication.failed();
                tracing::error!(
                    error, next_try = %logging::duration(wait),
                    "the new list is not published; the published one stays"
                );
            }
        }
    }

    /// Publishes the accepted list, over intermediate generations if it needs them. Returns the list.
    fn try_to_publish(
        &mut self,
        kernel: &mut Kernel,
        record: &mut Record,
        state: &State,
        now: Timestamp,
    ) -> Result<RangeSet, (Rejection, String)> {
        let set = self.sources.set(now).map_err(|error| (Rejection::Ranges, error.to_string()))?;
        if self.publication.set().is_some_and(|before| is_same_list(before, &set)) {
            state.published().describe(&set);
            return Ok(set);
        }
        loop {
            let next = state.published().pending_towards(&set);
            let (pending, goal) = next.map_err(|error| (Rejection::Capacity, error.to_string()))?;
            self.publish_pending(kernel, record, state, pending, goal, &set)?;
            if goal == Goal::Whole {
                return Ok(set);
            }
        }
    }

    /// Publishes the accepted list, or an intermediate generation on the way to it, which frees slots.
    fn publish_pending(
        &mut self,
        kernel: &mut Kernel,
        record: &mut Record,
        state: &State,
        pending: PendingGeneration,
        goal: Goal,
        set: &RangeSet,
    ) -> Result<(), (Rejection, String)> {
        if goal != Goal::Whole {
            // Nothing is dropped meanwhile: a prefix may be missing until the list is whole.
            self.publication.begin_steps();
        }
        self.prepare_leases(kernel, state, pending.groups())?;
        let published = publish_generation(kernel, record, state, pending, || {
            if goal == Goal::Whole {
                self.publication.end_steps();
                state.follow_range_metrics(set);
                // Changes that waited for this generation wait no more.
                state.set_updates(self.updates());
            }
        });
        let (generation, last_counts) = published.map_err(|error| (reason(&error), error.to_string()))?;
        if goal != Goal::Whole {
            // Without the last counts no slot becomes free.
            return last_counts.map_err(|error| (Rejection::Capacity, error.to_string()));
        }
        if let Err(error) = last_counts {
            tracing::error!(generation, %error, "the counts of ranges that are gone are taken later");
        }
        let (ranges, retired) = (set.ranges().len(), set.retired().len());
        tracing::info!(generation, ranges, retired, "the new list is published");
        report::remarks(&self.sources.remarks_of_all(set));
        Ok(())
    }

    /// Sets the leases of the next generation, if its groups are others: a new group must not have the lease
    /// of an earlier group with the same number.
    fn prepare_leases(
        &mut self,
        kernel: &mut Kernel,
        state: &State,
        groups: &Groups,
    ) -> Result<(), (Rejection, String)> {
        if self.publication.is_on_the_way() || groups != state.published().groups() {
            self.set_leases(kernel, groups).map_err(|error| (Rejection::Kernel, error.to_string()))?;
            self.lease.iter_mut().for_each(AppliedLeases::expire);
        }
        Ok(())
    }

    /// Counts the failed saves of the counts, and schedules another if they are not saved.
    pub(super) fn on_save_result(&mut self, record: &mut Record) {
        self.state_failures.add_many(StateFailure::Counters, record.failures());
        if record.is_behind() {
            self.save_again();
        }
    }
}

/// Returns true if both lists lead to the same generation: the same ranges from the same sources.
fn is_same_list(one: &RangeSet, other: &RangeSet) -> bool {
    (one.ranges(), one.listed_by()) == (other.ranges(), other.listed_by())
        && (one.retired(), one.retired_by()) == (other.retired(), other.retired_by())
}

fn reason(error: &PublishError) -> Rejection {
    match error {
        PublishError::Verify(VerifyError::Mismatch { .. } | VerifyError::Nonsense { .. }) => Rejection::Proof,
        _ => Rejection::Kernel,
    }
}
