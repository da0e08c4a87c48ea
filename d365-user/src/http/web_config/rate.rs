//! The limit of requests: a bucket of tokens.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{
    error::{FieldError, Problem},
    file,
};

/// A bucket with room for some tokens, which gets one each interval. A request takes one.
pub(super) struct RateLimit {
    interval: Duration,
    room: Duration,
    since: Instant,
    /// The time after `since` at which the bucket is full again.
    full: Mutex<Duration>,
}

impl RateLimit {
    /// Reads the section; `None` if there is no limit.
    pub(super) fn read(written: &file::RateLimit) -> Result<Option<Self>, FieldError> {
        let interval = duration(written.interval.as_deref().unwrap_or("0"));
        let interval = interval.ok_or(("rate_limit.interval", Problem::Duration))?;
        match written.burst.unwrap_or(0) {
            _ if interval.is_zero() => Ok(None),
            0 => Err(("rate_limit.burst", Problem::NoBurst)),
            burst => Ok(Some(Self::new(interval, burst))),
        }
    }

    fn new(interval: Duration, burst: u32) -> Self {
        let room = interval.saturating_mul(burst);
        Self { interval, room, since: Instant::now(), full: Mutex::default() }
    }

    /// Takes a token. Returns false if the bucket is empty.
    pub(super) fn allows(&self, now: Instant) -> bool {
        let now = now.saturating_duration_since(self.since);
        let mut full = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        let next = now.max(*full).saturating_add(self.interval);
        let is_allowed = next <= now.saturating_add(self.room);
        if is_allowed {
            *full = next;
        }
        is_allowed
    }
}

/// Reads a duration as Go writes it: numbers with units, or `0`. A negative one is not valid.
fn duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let (mut rest, mut sum) = (text, Duration::ZERO);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, unit) = rest.split_at(end);
        let end = unit.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(unit.len());
        let (unit, behind) = unit.split_at(end);
        let unit = match unit {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        sum = sum.checked_add(Duration::try_from_secs_f64(number.parse::<f64>().ok()? * unit).ok()?)?;
        rest = behind;
    }
    (!text.is_empty()).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_gos() {
        for (text, milliseconds) in [
            ("0", 0),
            ("0s", 0),
            ("1s", 1000),
            ("100ms", 100),
            ("1.5s", 1500),
            (".5s", 500),
            ("1m30s", 90_000),
            ("2h", 7_200_000),
            ("1500us", 1),
            ("2000000ns", 2),
        ] {
            assert_eq!(duration(text).map(|found| found.as_millis()), Some(milliseconds), "{text}");
        }
        for text in
            ["", "1", "s", "-1s", "1 s", "1d", "1s1", "1..5s", ".s", "nan s", "1e3s", "99999999999999999999h"]
        {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn a_burst_and_then_one_each_interval() {
        let limit = RateLimit::new(Duration::from_secs(1), 3);
        let at = |milliseconds| limit.allows(limit.since + Duration::from_millis(milliseconds));
        assert_eq!([at(0), at(0), at(1), at(2)], [true, true, true, false]);
        assert_eq!([at(999), at(1000), at(1001)], [false, true, false]);
        // A long rest fills the bucket, and not more.
        assert_eq!([at(60_000), at(60_000), at(60_000), at(60_000)], [true, true, true, false]);
    }

    #[test]
    fn extreme_limits_do_not_overflow() {
        let limit = RateLimit::new(Duration::from_secs(u64::MAX / 2), u32::MAX);
        assert!((0..3).all(|_| limit.allows(Instant::now())));
    }
}
