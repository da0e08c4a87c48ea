//! The copy of the published list outside the kernel, which other programs read.

use std::time::{Duration, Instant};

use super::{event_loop::Updater, tally::StateFailure};
use crate::{
    published::{PublishedSource, file},
    runtime::State,
    snapshot::SnapshotSource as _,
};

/// The time until a failed write is tried again.
const AGAIN: Duration = Duration::from_secs(30);

/// The state of the copy.
#[derive(Default)]
pub(super) struct Copies {
    /// The number of the generation and the sources that the copy has.
    shown: Option<(u64, Vec<PublishedSource>)>,
    /// The time of the next try after a failure.
    retry_at: Option<Instant>,
}

impl Updater {
    /// Writes the copy again if the published list or the lease of a source has changed.
    pub(super) fn write_copies(&mut self, state: &State) {
        let Some(storage) = self.storage.clone().filter(|storage| !storage.is_late()) else { return };
        let shown = Some(state.shown());
        if self.copies.shown == shown || self.copies.retry_at.is_some_and(|at| Instant::now() < at) {
            return;
        }
        let list = state.list();
        match storage.run(move |directory| file::save(directory, &list)) {
            Ok(()) => self.copies = Copies { shown, retry_at: None },
            Err(error) => {
                tracing::warn!(%error, "the published list is not saved for other programs");
                self.state_failures.add(StateFailure::Published);
                self.copies.retry_at = Some(Instant::now() + AGAIN);
            }
        }
    }
}
