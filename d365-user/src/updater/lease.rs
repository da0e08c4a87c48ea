//! The end of the trust in each source's ranges. Pure; the kernel program enforces it.
//!
//! A range is trusted as long as one of the sources that list it was confirmed within the lease. Drops need
//! every source that may know more ranges than are listed
//! ([`Sources::needed`](super::sources::Sources::needed)): a list that is not up to date may lack ranges
//! whose mail would be dropped.

use std::time::Duration;

use d365_common::lease::GROUPS;

use super::clock::{Now, Stamp};
use crate::{generation::Groups, kernel::Leases, published::Lease, ranges::SourceSet, settings::LeaseTerm};

/// Time between two settings of the kernel's leases. The kernel's clock stops while the host sleeps, so that
/// the leases would last too long.
pub(super) const RENEW: Duration = Duration::from_mins(1);

/// Longest time for which the kernel drops packets after the daemon set the leases last: a daemon that is
/// gone for good leaves no drops behind.
const DROPS_WITHOUT_DAEMON: Duration = Duration::from_mins(15);

/// The confirmations from which the leases are computed.
pub(super) struct Confirmations<'a> {
    pub(super) term: LeaseTerm,
    /// One for each source, in the order of the command line.
    pub(super) stamps: &'a [Option<Stamp>],
    pub(super) now: &'a Now,
}

impl Confirmations<'_> {
    /// The end of each source's lease, as the wall clock shows it now. A confirmation of unknown age does not
    /// count.
    pub(super) fn shown(&self) -> Vec<Lease> {
        let shown = |stamp: &Option<Stamp>| {
            let known = stamp.filter(|stamp| self.now.age(*stamp).is_some());
            match (self.term, known) {
                (LeaseTerm::Never, _) => Lease::Endless,
                (LeaseTerm::For(_), None) => Lease::Unconfirmed,
                (LeaseTerm::For(term), Some(stamp)) => Lease::Until(self.now.shown(stamp).after(term).0),
            }
        };
        self.stamps.iter().map(shown).collect()
    }

    /// The time for which the source at this place is still trusted: `None` without an end, zero if its lease
    /// has ended. It is not in whole seconds, which could be up to one second too many.
    pub(super) fn left(&self, place: usize) -> Option<Duration> {
        let LeaseTerm::For(term) = self.term else { return None };
        let age = self.stamps.get(place).copied().flatten().and_then(|stamp| self.now.age(stamp));
        Some(age.map_or(Duration::ZERO, |age| term.saturating_sub(age)))
    }

    /// The facts that determine the leases of these groups.
    pub(super) fn basis(&self, groups: Groups, needed: Option<Vec<usize>>) -> Basis {
        let has_ended = |place| self.left(place).is_some_and(|left| left.is_zero());
        let has_ended = (0..self.stamps.len()).map(has_ended).collect();
        Basis { shown: self.shown(), has_ended, groups, needed }
    }

    /// The kernel's leases for these groups. Drops end with the first lease of the needed sources, and
    /// [`DROPS_WITHOUT_DAEMON`] after the daemon set them last. They are off if `needed` is `None`.
    pub(super) fn leases(&self, groups: &Groups, needed: Option<&[usize]>) -> Leases {
        if self.term == LeaseTerm::Never {
            let drops = needed.map_or(Duration::ZERO, |_| DROPS_WITHOUT_DAEMON);
            return Leases::new([None; GROUPS], Some(drops));
        }
        let left = |place| self.left(place).unwrap_or_default();
        let of_set = |set: SourceSet| set.places().map(left).max().unwrap_or_default();
        // Sets that share a number have the shortest of their leases.
        let ends = std::array::from_fn(|group| {
            let sets = groups.sets().filter(|(_, number)| usize::from(*number) == group);
            Some(sets.map(|(set, _)| of_set(set)).min().unwrap_or_default())
        });
        let drops = needed.and_then(|needed| needed.iter().copied().map(left).min()).unwrap_or_default();
        Leases::new(ends, Some(drops.min(DROPS_WITHOUT_DAEMON)))
    }
}

/// The facts that determine the kernel's leases, kept to detect a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Basis {
    /// The lease of each source, as it is shown.
    pub(super) shown: Vec<Lease>,
    /// For each source, true if its lease has ended.
    pub(super) has_ended: Vec<bool>,
    pub(super) groups: Groups,
    /// The sources that drops need; `None` while nothing may be dropped.
    pub(super) needed: Option<Vec<usize>>,
}

#[cfg(test)]
mod tests {
    use super::{
        super::clock::{Clock, Sample},
        *,
    };
    use crate::gate::Timestamp;

    const TERM: LeaseTerm = LeaseTerm::For(Duration::from_secs(100));

    /// The given moment in run time and in calendar time, which agree.
    fn at(seconds: u64, nanoseconds: u32) -> Now {
        let now = Sample { boot: Duration::ZERO, wall: Duration::new(seconds, nanoseconds) };
        Clock::start(now, None).look(now)
    }

    fn this_run(seconds: u64) -> Option<Stamp> {
        Some(Stamp::ThisRun(Timestamp(seconds)))
    }

    fn set(places: &[usize]) -> SourceSet {
        places.iter().map(|place| SourceSet::of(*place)).fold(SourceSet::default(), SourceSet::with)
    }

    #[test]
    fn a_lease_ends_exactly_a_term_after_the_confirmation() {
        for (now, left) in [
            (at(1000, 0), Duration::from_secs(100)),
            (at(1099, 999_999_999), Duration::from_nanos(1)),
            (at(1100, 0), Duration::ZERO),
            (at(2000, 0), Duration::ZERO),
        ] {
            let stamps = [this_run(1000), None];
            let confirmations = Confirmations { term: TERM, stamps: &stamps, now: &now };
            assert_eq!(confirmations.shown(), [Lease::Until(1100), Lease::Unconfirmed]);
            assert_eq!([0, 1].map(|place| confirmations.left(place)), [Some(left), Some(Duration::ZERO)]);
        }
    }

    #[test]
    fn a_confirmation_of_an_earlier_run_counts_by_a_clock_that_can_be_right_only() {
        let wrong = Sample { boot: Duration::ZERO, wall: Duration::from_secs(10) };
        let now = Clock::start(wrong, Some(Timestamp(1000))).look(wrong);
        let stamps = [Some(Stamp::EarlierRun(Timestamp(1000))), Some(Stamp::ThisRun(now.run()))];
        let confirmations = Confirmations { term: TERM, stamps: &stamps, now: &now };
        assert_eq!(confirmations.shown()[0], Lease::Unconfirmed);
        let left = [0, 1].map(|place| confirmations.left(place));
        assert_eq!(left, [Some(Duration::ZERO), Some(Duration::from_secs(100))]);
    }

    #[test]
    fn a_range_is_trusted_by_the_last_confirmed_of_its_sources_and_by_no_other() {
        let now = at(1100, 0);
        let stamps = [this_run(1010), this_run(1090), this_run(900)];
        let confirmations = Confirmations { term: TERM, stamps: &stamps, now: &now };
        let sets = [set(&[0]), set(&[1]), set(&[2]), set(&[0, 2]), set(&[0, 1, 2]), set(&[])];
        let groups = Groups::default().extended(sets);
        let leases = confirmations.leases(&groups, Some(&[0, 1]));
        let left = sets.map(|set| leases.group(groups.number(set)).map(|left| left.as_secs()));
        assert_eq!(left, [10, 90, 0, 10, 90, 0].map(Some));
        assert_eq!(leases.drops(), Some(Duration::from_secs(10)), "drops need all of theirs");
        assert_eq!(confirmations.leases(&groups, Some(&[0, 2])).drops(), Some(Duration::ZERO));
        assert_eq!(confirmations.leases(&groups, None).drops(), Some(Duration::ZERO));
        assert_eq!(leases.group(7), Some(Duration::ZERO), "no set has it");
    }

    #[test]
    fn sets_that_share_a_number_have_the_shortest_of_their_leases() {
        let now = at(1100, 0);
        let stamps: Vec<_> = (0..10).map(|place| this_run(1000 + 10 * place)).collect();
        let confirmations = Confirmations { term: TERM, stamps: &stamps, now: &now };
        let groups = Groups::default().extended((0..10).map(SourceSet::of));
        let leases = confirmations.leases(&groups, Some(&[]));
        assert_eq!(leases.group(3), Some(Duration::from_secs(30)));
        assert_eq!(leases.group(7), Some(Duration::from_secs(70)), "of 70, 80 and 90");
    }

    #[test]
    fn without_an_end() {
        let now = at(1, 0);
        let confirmations = Confirmations { term: LeaseTerm::Never, stamps: &[None], now: &now };
        assert_eq!((confirmations.shown(), confirmations.left(0)), (vec![Lease::Endless], None));
        let groups = Groups::default();
        let leases = confirmations.leases(&groups, Some(&[0]));
        assert_eq!(leases, Leases::new([None; GROUPS], Some(DROPS_WITHOUT_DAEMON)));
        assert_eq!(confirmations.leases(&groups, None).drops(), Some(Duration::ZERO));
    }

    #[test]
    fn the_kernel_gets_the_leases_again_when_one_moves_or_ends_and_when_drops_need_others() {
        let basis = |now: Now, confirmed, needed| {
            let stamps = [this_run(confirmed)];
            Confirmations { term: TERM, stamps: &stamps, now: &now }.basis(Groups::default(), needed)
        };
        let before = basis(at(1001, 0), 1000, None);
        assert_eq!(basis(at(1099, 999_999_999), 1000, None), before);
        assert_ne!(basis(at(1100, 0), 1000, None), before);
        assert_ne!(basis(at(1001, 0), 1001, None), before);
        assert_ne!(basis(at(1001, 0), 1000, Some(vec![0])), before);
    }
}
