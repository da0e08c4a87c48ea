//! Tells the kernel how long the list is vouched for, again and again.

use std::time::{Duration, Instant};

use super::{TICK, Updater, clock::Stamp, lease, report};
use crate::{generation::gate::Timestamp, kernel::Kernel, snapshot::Lease};

impl Updater {
    /// Has the kernel vouch for the list as long as it may.
    pub(super) fn renew(&mut self, kernel: &mut Kernel) {
        if !self.published.is_due() {
            self.confirmed = self.sources.confirmations();
        }
        let out_of_reach = kernel.links().out_of_reach().map(Timestamp::from);
        if out_of_reach.is_some() && self.out_of_reach.is_none() {
            tracing::error!(
                "the XDP program of an interface that was moved to another network namespace cannot be detached: no BPF \
                 link holds it; nothing is tagged or dropped on any interface until d365-user is started again"
            );
        }
        self.out_of_reach = out_of_reach;
        let lease = self.vouched();
        if self.lease.is_some_and(|told| told.stands(lease, Instant::now())) {
            return;
        }
        let left = match self.out_of_reach {
            Some(_) => Some(Duration::ZERO),
            None => lease::left(self.term, self.last_confirmation(), &self.now),
        };
        if let Err(error) = kernel.set_lease(left) {
            // It is tried at every tick, and the lease before stands until then: no longer than it may.
            if !std::mem::replace(&mut self.lease_is_stuck, true) {
                tracing::error!("{error}; it is tried again each {}", report::whole_seconds(TICK));
            }
            return;
        }
        if std::mem::replace(&mut self.lease_is_stuck, false) {
            tracing::info!("the lease is set again");
        }
        let told = lease::Told::new(lease, left, Instant::now());
        if self.lease.is_none_or(|before| before.has_run_out != told.has_run_out) {
            report::lease(lease, told.has_run_out, self.lease.is_none());
        }
        self.lease = Some(told);
    }

    /// The lease of what is published. It is over while a program may act where nobody sees it.
    pub(super) fn vouched(&self) -> Lease {
        match self.out_of_reach {
            Some(since) => Lease::Until(since.0),
            None => lease::lease(self.term, self.last_confirmation(), &self.now),
        }
    }

    pub(super) fn last_confirmation(&self) -> Option<Stamp> {
        let known = self.confirmed.iter().flatten().copied();
        known
            .filter_map(|stamp| Some((self.now.age(stamp)?, stamp)))
            .min_by_key(|(age, _)| *age)
            .map(|(_, stamp)| stamp)
    }
}
