//! The list that is published, and the state of the next publication.

use std::time::{Duration, Instant};

use crate::{
    ranges::RangeSet,
    source::download::{Backoff, random},
};

/// The published list, and the state of the next publication.
pub(super) struct Publication {
    /// `None` until it is known.
    pub(super) set: Option<RangeSet>,
    /// True if the accepted list may have changed since.
    pub(super) is_due: bool,
    /// The time of the next try after a rejection.
    retry_at: Option<Instant>,
    /// The pauses between tries after the kernel rejected a generation.
    retry: Backoff,
}

impl Publication {
    /// The state before the first publication: `set` is the list that it will publish, if that is known.
    pub(super) fn new(set: Option<RangeSet>) -> Self {
        let retry = Backoff::new(Duration::from_secs(2), Duration::from_mins(5));
        Self { set, is_due: false, retry_at: None, retry }
    }

    /// Returns true if a publication is due and need not wait for its next try.
    pub(super) fn is_to_be_tried(&self, now: Instant) -> bool {
        self.is_due && self.retry_at.is_none_or(|at| at <= now)
    }

    /// Marks the accepted list as changed. A list that was rejected before may pass now.
    pub(super) fn set_due(&mut self) {
        (self.is_due, self.retry_at) = (true, None);
    }

    /// Records that the list is published.
    pub(super) fn succeeded(&mut self, set: RangeSet) {
        (self.set, self.is_due, self.retry_at) = (Some(set), false, None);
        self.retry.succeeded();
    }

    /// Schedules the next try. Returns the pause before it.
    pub(super) fn failed(&mut self) -> Duration {
        let wait = self.retry.failed(random());
        self.retry_at = Some(Instant::now() + wait);
        wait
    }
}
