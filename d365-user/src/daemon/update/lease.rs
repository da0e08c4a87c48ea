//! Until when the list is vouched for. Pure; the kernel program is what keeps to it.

use std::time::{Duration, SystemTime};

use crate::{config::LeaseTerm, generation::gate::Timestamp, snapshot::Lease};

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
    fn without_an_end_and_without_a_beginning() {
        let left = |term| left(lease(term, None, Timestamp(1)), Timestamp(1).into());
        assert_eq!((left(LeaseTerm::Never), left(TERM)), (None, Some(Duration::ZERO)));
    }
}
