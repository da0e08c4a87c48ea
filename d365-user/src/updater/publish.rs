//! Publishes the list that the gates accept, if it differs from the published list. If the kernel rejects a
//! list, the published generation stays and the updater tries again.

use std::time::{Instant, SystemTime};

use super::{event_loop::Updater, report, tally::Rejection};
use crate::{
    counters::{Clear, PendingGeneration},
    gate::Timestamp,
    generation::Groups,
    kernel::{Kernel, PublishError, VerifyError},
    logging,
    ranges::RangeSet,
    runtime::State,
};

/// Publishes one generation: records the owners of its new counter slots, lets the kernel verify and activate
/// it, and commits it. `show` runs before a scrape can see the generation. Returns its number.
///
/// # Errors
/// [`PublishError`]; the published generation stays then.
pub(crate) fn publish_generation(
    kernel: &mut Kernel,
    state: &State,
    pending: PendingGeneration,
    show: impl FnOnce(),
) -> Result<u64, PublishError> {
    let generation = state.published().generation().number + 1;
    let _span = tracing::error_span!("publish", generation).entered();
    state.published().reserve(&pending, |slot, owner| state.counters().set_owner(slot, owner))?;
    kernel.publish(&pending.compiled)?;
    let mut published = state.published();
    state.set_table(kernel.table_size());
    published.commit(pending, Timestamp::from(SystemTime::now()).0);
    show();
    Ok(published.generation().number)
}

impl Updater {
    /// Publishes the accepted list, if that is due.
    pub(super) fn publish(&mut self, kernel: &mut Kernel, state: &State, now: Timestamp) {
        if !self.publication.is_to_be_tried(Instant::now()) {
            return;
        }
        match self.try_to_publish(kernel, state, now) {
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

    /// Publishes the accepted list. Returns the list.
    fn try_to_publish(
        &mut self,
        kernel: &mut Kernel,
        state: &State,
        now: Timestamp,
    ) -> Result<RangeSet, (Rejection, String)> {
        let set = self.sources.set(now).map_err(|error| (Rejection::Ranges, error.to_string()))?;
        if self.publication.set.as_ref().is_some_and(|before| is_same_list(before, &set)) {
            state.published().describe(&set);
            return Ok(set);
        }
        let room = state.published().make_room(&set, |step| match step {
            Clear::Rename { slot, owner } => state.counters().set_owner(slot, &owner),
            Clear::Empty { slot, into } => state.counters().empty(slot, into),
        });
        room.map_err(|error| (Rejection::Capacity, error.to_string()))?;
        let pending = state.published().pending(&set);
        let pending = pending.map_err(|error| (Rejection::Capacity, error.to_string()))?;
        self.prepare_leases(kernel, state, pending.groups())?;
        let published = publish_generation(kernel, state, pending, || {
            state.follow_range_metrics(&set);
            // Changes that waited for this generation wait no more.
            state.set_updates(self.updates());
        });
        let generation = published.map_err(|error| (reason(&error), error.to_string()))?;
        let (ranges, retired) = (set.ranges().len(), set.retired().len());
        tracing::info!(generation, ranges, retired, "the new list is published");
        report::remarks(&self.sources.remarks_of_all(&set));
        Ok(set)
    }

    /// Sets the leases of the next generation, if its groups are others: a new group must not have the lease
    /// of an earlier group with the same number.
    fn prepare_leases(
        &mut self,
        kernel: &mut Kernel,
        state: &State,
        groups: &Groups,
    ) -> Result<(), (Rejection, String)> {
        if groups != state.published().groups() {
            self.set_leases(kernel, groups).map_err(|error| (Rejection::Kernel, error.to_string()))?;
            // They are set again if the publication fails: its groups are not those of the published one.
            self.lease.iter_mut().for_each(|(basis, _)| basis.groups = groups.clone());
        }
        Ok(())
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
