//! Sets the kernel's leases, and renews them.

use std::time::Instant;

use super::{
    event::TICK,
    event_loop::Updater,
    lease::{Basis, Confirmations, RENEW},
    report,
};
use crate::{
    generation::Groups,
    kernel::{Kernel, LeaseError},
    logging,
    published::Lease,
};

impl Updater {
    /// Sets the kernel's leases, if they are out of date. `groups` are those of the published generation.
    pub(super) fn refresh_lease(&mut self, kernel: &mut Kernel, groups: &Groups) {
        if !self.publication.is_due {
            self.confirmed = self.sources.confirmations();
        }
        let basis = self.confirmations().basis(groups.clone(), self.needed_for_drops());
        if self.lease.as_ref().is_some_and(|(set, at)| *set == basis && at.elapsed() < RENEW) {
            return;
        }
        match self.set_leases(kernel, groups) {
            Ok(()) => self.leases_are_set(basis),
            // Every tick tries again. The previous leases stay until then, and end at their own time.
            Err(error) if !std::mem::replace(&mut self.lease_is_stuck, true) => {
                tracing::error!(%error, next_try = %logging::duration(TICK), "the leases are not set");
            }
            Err(_) => {}
        }
    }

    /// Sets the leases of these groups.
    pub(super) fn set_leases(&self, kernel: &mut Kernel, groups: &Groups) -> Result<(), LeaseError> {
        kernel.set_leases(&self.confirmations().leases(groups, self.needed_for_drops().as_deref()))
    }

    fn leases_are_set(&mut self, basis: Basis) {
        if std::mem::replace(&mut self.lease_is_stuck, false) {
            tracing::info!("the leases are set again");
        }
        let now_needed = self.needed();
        let before = self.lease.as_ref().map(|(before, _)| before.has_ended.as_slice());
        for (place, has_ended) in basis.has_ended.iter().copied().enumerate() {
            let is_new = before.is_none_or(|before| before.get(place) != Some(&has_ended));
            if is_new && now_needed.contains(&place) {
                let (source, lease) = (self.sources.name(place), basis.shown[place]);
                report::lease(source, lease, has_ended, before.is_none(), self.has_actions);
            }
        }
        if basis.groups.is_shared() && !std::mem::replace(&mut self.is_lease_shared, true) {
            tracing::warn!(
                "more than seven sets of sources list ranges: those beyond share the shortest of their leases; name \
                 fewer sources"
            );
        }
        self.lease = Some((basis, Instant::now()));
    }

    /// The lease of each source, as it is shown.
    pub(super) fn current_leases(&self) -> Vec<Lease> {
        self.confirmations().shown()
    }

    fn confirmations(&self) -> Confirmations<'_> {
        Confirmations { term: self.term, stamps: &self.confirmed, now: &self.now }
    }

    fn needed(&self) -> Vec<usize> {
        self.sources.needed(self.publication.set.as_ref())
    }

    /// The sources whose leases drops need; `None` while nothing may be dropped.
    fn needed_for_drops(&self) -> Option<Vec<usize>> {
        // Ranges that found no room would be dropped. While the state directory does not answer, no decision
        // survives a restart.
        let allows = self.sources.has_room() && self.hung_since.is_none();
        allows.then(|| self.needed())
    }
}
