//! Writes the copies of the published list, for other programs, when the list or a lease changes.

use std::time::{Duration, Instant};

use super::{copies::Shown, event_loop::Updater, tally::StateFailure};
use crate::{gate::Timestamp, published::file, runtime::State, snapshot::SnapshotSource as _};

/// The time until a failed write is tried again.
const AGAIN: Duration = Duration::from_secs(30);

impl Updater {
    /// Writes the copies again if the published list or the lease of a source has changed.
    pub(super) fn write_copies(&mut self, state: &State, now: Timestamp) {
        let (number, sources) = state.shown();
        let now = now.shifted(self.now.offset).0;
        let ended = sources.iter().map(|source| source.lease.has_ended(now)).collect::<Vec<_>>();
        let sources = sources.into_iter().zip(ended).collect();
        let shown = Some((number, sources));
        if self.copies.exported != shown
            && let Some(exports) = &self.copies.exports
        {
            // Each tick tries again.
            if exports.write(state.list()) {
                self.copies.exported.clone_from(&shown);
            }
        }
        self.save_published(state, shown);
    }

    fn save_published(&mut self, state: &State, shown: Option<Shown>) {
        let Some(storage) = self.storage.clone().filter(|storage| !storage.is_late()) else { return };
        if self.copies.saved == shown || self.copies.retry_at.is_some_and(|at| Instant::now() < at) {
            return;
        }
        let list = state.list();
        match storage.run(move |directory| file::save(directory, &list)) {
            Ok(()) => (self.copies.saved, self.copies.retry_at) = (shown, None),
            Err(error) => {
                tracing::warn!(%error, "the published list is not saved for other programs");
                self.state_failures.add(StateFailure::Published);
                self.copies.retry_at = Some(Instant::now() + AGAIN);
            }
        }
    }
}
