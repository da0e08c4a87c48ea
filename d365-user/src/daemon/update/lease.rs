//! Until when the list is vouched for. Pure; the kernel program is what keeps to it.

use std::time::{Duration, Instant};

use super::{
    TICK,
    clock::{Now, Stamp},
};
use crate::{config::LeaseTerm, snapshot::Lease};

/// How often the kernel is told again: its clock does not run while the host sleeps, and its lease would last longer.
const RENEW: Duration = Duration::from_mins(1);

/// What the kernel was told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    lease: Lease,
    /// Whether it had run out by then.
    pub(super) has_run_out: bool,
    /// When it is told again, at the latest.
    again_at: Instant,
}

impl Told {
    /// It was told at `now` that `lease` still lasts for `left`, as [`left`] has it.
    pub(super) fn new(lease: Lease, left: Option<Duration>, now: Instant) -> Self {
        let again_at = now + left.unwrap_or(RENEW).clamp(TICK, RENEW);
        Self { lease, has_run_out: left.is_some_and(|left| left.is_zero()), again_at }
    }

    /// Whether that is enough, where `lease` is what it should know at `now`.
    pub(super) fn stands(&self, lease: Lease, now: Instant) -> bool {
        self.lease == lease && now < self.again_at
    }
}

/// The end of a list's lease, as the wall clock shows it at `now`. A confirmation whose age is not known does not count.
pub(super) fn lease(term: LeaseTerm, confirmed: Option<Stamp>, now: &Now) -> Lease {
    let known = confirmed.filter(|stamp| now.age(*stamp).is_some());
    match (term, known) {
        (LeaseTerm::Never, _) => Lease::Endless,
        (LeaseTerm::For(_), None) => Lease::Unconfirmed,
        (LeaseTerm::For(term), Some(stamp)) => Lease::Until(now.shown(stamp).after(term).0),
    }
}

/// The time for which a lease still lasts: `None` without an end, zero when it has run out. Not in whole seconds: that would
/// be up to one too many.
pub(super) fn left(term: LeaseTerm, confirmed: Option<Stamp>, now: &Now) -> Option<Duration> {
    let LeaseTerm::For(term) = term else { return None };
    let age = confirmed.and_then(|stamp| now.age(stamp));
    Some(age.map_or(Duration::ZERO, |age| term.saturating_sub(age)))
}

#[cfg(test)]
mod tests {
    use super::{
        super::clock::{Clock, Sample},
        *,
    };
    use crate::generation::gate::Timestamp;

    const TERM: LeaseTerm = LeaseTerm::For(Duration::from_secs(100));

    /// At `now` nanoseconds of run time and of the calendar, which agree.
    fn at(seconds: u64, nanoseconds: u32) -> Now {
        let now = Sample { boot: Duration::ZERO, wall: Duration::new(seconds, nanoseconds) };
        Clock::start(now, None).look(now)
    }

    #[test]
    fn it_lasts_from_the_last_confirmation_on() {
        for stamp in [Stamp::ThisRun(Timestamp(1000)), Stamp::EarlierRun(Timestamp(1000))] {
            let lease_at = |now| lease(TERM, Some(stamp), &at(now, 0));
            assert_eq!(lease_at(1000), Lease::Until(1100));
            assert_eq!(lease_at(5000), Lease::Until(1100));
            let left_at = |now, nanoseconds| left(TERM, Some(stamp), &at(now, nanoseconds));
            assert_eq!(left_at(1000, 0), Some(Duration::from_secs(100)));
            assert_eq!(left_at(1099, 999_999_999), Some(Duration::from_nanos(1)), "rounded up nowhere");
            assert_eq!([1100, 5000].map(|now| left_at(now, 0)), [Some(Duration::ZERO); 2]);
        }
    }

    #[test]
    fn a_confirmation_of_unknown_age_is_none() {
        let wrong = Sample { boot: Duration::ZERO, wall: Duration::from_secs(7) };
        let now = Clock::start(wrong, Some(Timestamp(1000))).look(wrong);
        let earlier = Some(Stamp::EarlierRun(Timestamp(1000)));
        assert_eq!(
            (lease(TERM, earlier, &now), left(TERM, earlier, &now)),
            (Lease::Unconfirmed, Some(Duration::ZERO))
        );
        let this = Some(Stamp::ThisRun(now.run()));
        assert_eq!(left(TERM, this, &now), Some(Duration::from_secs(100)));
    }

    #[test]
    fn the_kernel_is_told_again_each_minute_and_when_the_lease_ends_or_moves() {
        let (now, seconds) = (Instant::now(), Duration::from_secs);
        let lease = Lease::Until(1100);
        for (left, again) in [
            (None, 60),
            (Some(seconds(3600)), 60),
            (Some(seconds(60)), 60),
            (Some(seconds(7)), 7),
            (Some(Duration::from_millis(1)), 1),
            (Some(Duration::ZERO), 1),
        ] {
            let told = Told::new(lease, left, now);
            assert!(told.stands(lease, now), "{left:?}");
            assert!(told.stands(lease, now + seconds(again) - Duration::from_nanos(1)), "{left:?}");
            assert!(!told.stands(lease, now + seconds(again)), "{left:?}");
            assert!(!told.stands(Lease::Until(1101), now) && !told.stands(Lease::Endless, now));
            assert_eq!(told.has_run_out, left == Some(Duration::ZERO), "{left:?}");
        }
    }

    #[test]
    fn without_an_end_and_without_a_beginning() {
        let left = |term| left(term, None, &at(1, 0));
        assert_eq!((left(LeaseTerm::Never), left(TERM)), (None, Some(Duration::ZERO)));
        assert_eq!(lease(LeaseTerm::Never, None, &at(1, 0)), Lease::Endless);
        assert_eq!(lease(TERM, None, &at(1, 0)), Lease::Unconfirmed);
    }
}
