//! Until when the list is vouched for. Pure; the kernel program is what keeps to it.

use std::time::{Duration, Instant, SystemTime};

use super::TICK;
use crate::{config::LeaseTerm, generation::gate::Timestamp, snapshot::Lease};

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

/// The lease of a list that was last confirmed at `confirmed`. A confirmation of the future, as a clock that was set back
/// leaves it, counts as one of now.
pub(super) fn lease(term: LeaseTerm, confirmed: Option<Timestamp>, now: Timestamp) -> Lease {
    match (term, confirmed) {
        (LeaseTerm::Never, _) => Lease::Endless,
        (LeaseTerm::For(_), None) => Lease::Unconfirmed,
        (LeaseTerm::For(term), Some(confirmed)) => Lease::Until(confirmed.min(now).after(term).0),
    }
}

/// How long it still lasts: `None` without an end, zero when it has run out. Not in whole seconds: that would be up to one
/// too many.
pub(super) fn left(lease: Lease, now: SystemTime) -> Option<Duration> {
    match lease {
        Lease::Endless => None,
        Lease::Unconfirmed => Some(Duration::ZERO),
        Lease::Until(end) => Some(SystemTime::from(Timestamp(end)).duration_since(now).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERM: LeaseTerm = LeaseTerm::For(Duration::from_secs(100));

    #[test]
    fn it_lasts_from_the_last_confirmation_on() {
        let lease_at = |now| lease(TERM, Some(Timestamp(1000)), Timestamp(now));
        assert_eq!(lease_at(1000), Lease::Until(1100));
        assert_eq!(lease_at(5000), Lease::Until(1100));
        let left_at = |now: u64, nanoseconds| {
            left(lease_at(now), SystemTime::from(Timestamp(now)) + Duration::from_nanos(nanoseconds))
        };
        assert_eq!(left_at(1000, 0), Some(Duration::from_secs(100)));
        assert_eq!(left_at(1099, 999_999_999), Some(Duration::from_nanos(1)), "rounded up nowhere");
        assert_eq!([1100, 5000].map(|now| left_at(now, 0)), [Some(Duration::ZERO); 2]);
    }

    #[test]
    fn a_clock_that_was_set_back_lengthens_no_lease() {
        assert_eq!(lease(TERM, Some(Timestamp(9000)), Timestamp(1000)), Lease::Until(1100));
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
        let left = |term| left(lease(term, None, Timestamp(1)), Timestamp(1).into());
        assert_eq!((left(LeaseTerm::Never), left(TERM)), (None, Some(Duration::ZERO)));
    }
}
