//! Publishes the list that the gates accept, if it differs from the published list. If the kernel rejects a
//! list, the published generation stays and the updater tries again.

use std::time::Instant;

use super::{Updater, lease::Told, random, record::Record, report};
use crate::{
    daemon::{
        book::{Draft, Towards},
        state::State,
    },
    generation::gate::Timestamp,
    kernel::{Kernel, PublishError},
    ranges::RangeSet,
};

/// Reasons for which an accepted list is not published: values of the label `reason`, in addition to the
/// gate's.
pub(super) const REASONS: [&str; 4] = [RANGES, CAPACITY, PROOF, KERNEL];
/// The lists cannot be merged into one set: too many ranges.
const RANGES: &str = "ranges";
/// There are more ranges than counter slots.
const CAPACITY: &str = "capacity";
/// The kernel's answers differ from the reference's.
const PROOF: &str = "proof";
/// The kernel rejected a map or an entry.
const KERNEL: &str = "kernel";

/// The published list, and the state of the next publication.
#[derive(Default)]
pub(super) struct Published {
    /// `None` before the first publication, and once an intermediate generation was handed to the kernel.
    set: Option<RangeSet>,
    /// True if the accepted list may have changed since.
    is_due: bool,
    /// The time of the next try after a rejection.
    retry_at: Option<Instant>,
    /// True while the published generation is an intermediate one on the way to the accepted list.
    is_on_the_way: bool,
}

impl Published {
    pub(super) fn new(set: RangeSet) -> Self {
        Self { set: Some(set), ..Self::default() }
    }

    pub(super) fn set(&self) -> Option<&RangeSet> {
        self.set.as_ref()
    }

    pub(super) fn is_on_the_way(&self) -> bool {
        self.is_on_the_way
    }

    pub(super) fn is_due(&self) -> bool {
        self.is_due
    }

    /// Marks the accepted list as changed. A list that was rejected before may pass now.
    pub(super) fn set_due(&mut self) {
        (self.is_due, self.retry_at) = (true, None);
    }
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
        let must_wait = self.published.retry_at.is_some_and(|at| at > Instant::now());
        if !self.published.is_due || must_wait {
            return;
        }
        match self.try_to_publish(kernel, record, state, now) {
            Ok(()) => {
                (self.published.is_due, self.published.retry_at) = (false, None);
                self.retry.succeeded();
            }
            Err((reason, error)) => {
                *self.refused.entry(reason).or_default() += 1;
                let wait = self.retry.failed(random());
                tracing::error!(
                    "the new list is not published: {error}; the published one stays, next try in {}",
                    report::whole_seconds(wait)
                );
                self.published.retry_at = Some(Instant::now() + wait);
            }
        }
    }

    fn try_to_publish(
        &mut self,
        kernel: &mut Kernel,
        record: &mut Record,
        state: &State,
        now: Timestamp,
    ) -> Result<(), (&'static str, String)> {
        let set = self.sources.set(now).map_err(|error| (RANGES, error.to_string()))?;
        if self.published.set.as_ref().is_some_and(|before| is_same_list(before, &set)) {
            state.book().describe(&set);
            self.published.set = Some(set);
            return Ok(());
        }
        loop {
            let (draft, towards) =
                state.book().draft_towards(&set).map_err(|error| (CAPACITY, error.to_string()))?;
            if towards == Towards::Whole {
                break self.publish_draft(kernel, record, state, draft, set);
            }
            self.step(kernel, record, state, draft)?;
        }
    }

    /// Publishes an intermediate generation on the way to the list, which frees slots.
    fn step(
        &mut self,
        kernel: &mut Kernel,
        record: &mut Record,
        state: &State,
        draft: Draft,
    ) -> Result<(), (&'static str, String)> {
        // Even if this fails, the published list is no longer known to be the previous one.
        self.published.set = None;
        // Nothing is dropped meanwhile: a prefix may be missing until the list is whole.
        self.published.is_on_the_way = true;
        self.kept(record.keep(record.of_draft(&state.book(), &draft)));
        self.hand_over(kernel, state, &draft)?;
        let mut book = state.book();
        let entered = book.enter(draft, |slots| state.read_slots(slots));
        let page = record.of_book(&book);
        drop(book);
        self.kept(record.keep(page));
        // Without the last counts no slot becomes free.
        entered.map_err(|error| (CAPACITY, error.to_string()))
    }

    /// Publishes a draft in the kernel. It first sets the leases, if the groups change.
    fn hand_over(
        &mut self,
        kernel: &mut Kernel,
        state: &State,
        draft: &Draft,
    ) -> Result<(), (&'static str, String)> {
        // A new group must not have the lease of an earlier group with the same number.
        if self.published.is_on_the_way || draft.groups() != state.book().groups() {
            self.set_leases(kernel, draft.groups()).map_err(|error| (KERNEL, error.to_string()))?;
            self.lease.iter_mut().for_each(Told::expire);
        }
        kernel.publish(&draft.compiled).map_err(|error| (reason(&error), error.to_string()))
    }

    fn publish_draft(
        &mut self,
        kernel: &mut Kernel,
        record: &mut Record,
        state: &State,
        draft: Draft,
        set: RangeSet,
    ) -> Result<(), (&'static str, String)> {
        let page = record.of_draft(&state.book(), &draft);
        self.kept(record.keep(page));
        self.hand_over(kernel, state, &draft)?;
        self.published.is_on_the_way = false;
        let mut book = state.book();
        state.set_table(kernel.table_size());
        state.follow_range_metrics(&set);
        let entered = book.enter(draft, |slots| state.read_slots(slots));
        if let Err(error) = entered {
            tracing::error!("{error}: the counts of ranges that are gone are taken later");
        }
        let (number, page) = (book.generation().number, record.of_book(&book));
        // This comes before a scrape can see the new generation: changes that waited for it wait no more.
        state.set_updates(self.updates());
        drop(book);
        self.kept(record.keep(page));
        tracing::info!(
            "generation {number} published: {} ranges, {} retired",
            set.ranges().len(),
            set.retired().len()
        );
        report::remarks(&self.sources.remarks_of_all(&set));
        self.published.set = Some(set);
        Ok(())
    }

    /// Counts a failed save of the counts, and schedules another.
    pub(super) fn kept(&mut self, result: Result<(), crate::state::StateError>) {
        if let Err(error) = result {
            tracing::warn!("{error}; if the daemon crashes, counters begin at zero");
            *self.state_failures.entry("counters").or_default() += 1;
            self.save_again();
        }
    }
}

/// Returns true if both lists lead to the same generation: the same ranges from the same sources.
fn is_same_list(one: &RangeSet, other: &RangeSet) -> bool {
    (one.ranges(), one.listed_by()) == (other.ranges(), other.listed_by())
        && (one.retired(), one.retired_by()) == (other.retired(), other.retired_by())
}

fn reason(error: &PublishError) -> &'static str {
    use crate::kernel::VerifyError::{Mismatch, Nonsense};
    match error {
        PublishError::Verify(Mismatch { .. } | Nonsense { .. }) => PROOF,
        _ => KERNEL,
    }
}
