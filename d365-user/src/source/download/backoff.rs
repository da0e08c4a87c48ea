//! The time of the next attempt: later after each failure, and not at the same moment on all hosts. Pure,
//! except for [`random`].

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

/// Waiting times between failures. Each is twice the one before, up to a limit, and its upper half is random.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    failures: u32,
}

impl Backoff {
    /// Waiting times from `first` to `most`.
    #[must_use]
    pub const fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, failures: 0 }
    }

    /// Counts one more failure and returns the time to wait: at least half of the current waiting time, and
    /// at most all of it.
    #[must_use]
    pub fn failed(&mut self, random: u64) -> Duration {
        let factor = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        self.failures = self.failures.saturating_add(1);
        let longest = self.first.saturating_mul(factor).min(self.most);
        let half = longest / 2;
        half + part(longest - half, random)
    }

    /// Starts again with the first waiting time, after a success.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }
}

/// Returns a random time that is at most a tenth shorter or longer than `interval`.
#[must_use]
pub fn jittered(interval: Duration, random: u64) -> Duration {
    let tenth = interval / 10;
    (interval - tenth).saturating_add(part(tenth.saturating_mul(2), random))
}

/// Returns a random time of at least `time`, and at most a tenth longer.
#[must_use]
pub fn with_jitter(time: Duration, random: u64) -> Duration {
    time.saturating_add(part(time / 10, random))
}

/// Returns a part of a time: none of it for 0, all of it for the highest number.
fn part(time: Duration, random: u64) -> Duration {
    // The milliseconds of a century fit, and no wait is longer.
    let all = time.as_millis().min(u128::from(u64::MAX));
    let part = all * u128::from(random) / u128::from(u64::MAX);
    Duration::from_millis(u64::try_from(part).unwrap_or(u64::MAX))
}

/// Returns a random number. It is good enough to spread the hosts in time, but not for secrets. The standard
/// library seeds it from the system.
#[must_use]
pub fn random() -> u64 {
    RandomState::new().hash_one(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_failure_doubles_the_time_up_to_the_limit() {
        let mut backoff = Backoff::new(Duration::from_secs(10), Duration::from_secs(60));
        let longest: Vec<_> = (0..5).map(|_| backoff.failed(u64::MAX).as_secs()).collect();
        assert_eq!(longest, [10, 20, 40, 60, 60]);
        backoff.succeeded();
        let shortest: Vec<_> = (0..5).map(|_| backoff.failed(0).as_secs()).collect();
        assert_eq!(shortest, [5, 10, 20, 30, 30]);
    }

    #[test]
    fn chance_spreads() {
        let drawn: std::collections::BTreeSet<_> = (0..64).map(|_| random()).collect();
        assert_eq!(drawn.len(), 64);
        let interval = Duration::from_hours(6);
        let times: std::collections::BTreeSet<_> =
            drawn.iter().map(|drawn| jittered(interval, *drawn)).collect();
        assert!(times.len() > 32, "{times:?}");
    }

    proptest! {
        #[test]
        fn times_stay_within_their_bounds(first in 0..u64::MAX, most in 0..u64::MAX, failures in 0..200_u32, random: u64) {
            let (first, most) = (Duration::from_millis(first), Duration::from_millis(most));
            let mut backoff = Backoff::new(first, most);
            for _ in 0..failures {
                let _ = backoff.failed(random);
            }
            let wait = backoff.failed(random);
            prop_assert!(wait <= most);
            prop_assert!(wait >= first.min(most) / 2);
        }

        #[test]
        fn an_interval_moves_by_a_tenth_at_most(interval: Duration, random: u64) {
            let longer = with_jitter(interval, random);
            prop_assert!(longer >= interval && longer <= interval.saturating_add(interval / 10));
            let moved = jittered(interval, random);
            prop_assert!(moved >= interval - interval / 10);
            prop_assert!(moved <= interval.saturating_add(interval / 10));
        }
    }
}
