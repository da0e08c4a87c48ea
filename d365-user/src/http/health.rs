//! Counts failures of HTTP, and knows if scrapes are answered. Each kind of failure is logged when it begins
//! and when it ends, not each time.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// A kind of failure: the label `reason` of `d365_http_failures_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// A connection could not be accepted.
    Accept,
    /// The host did not have the address of `--listen` at the start.
    Address,
    /// A TLS handshake failed.
    Handshake,
    /// A request named no host, or a host that this server does not answer for.
    Host,
    /// A request had no password, or a wrong one.
    Password,
    /// A request came too soon after others.
    RateLimit,
    /// A scrape ended without metrics.
    Scrape,
}

impl Failure {
    const ALL: [Self; 7] = [
        Self::Accept,
        Self::Address,
        Self::Handshake,
        Self::Host,
        Self::Password,
        Self::RateLimit,
        Self::Scrape,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Address => "address",
            Self::Handshake => "handshake",
            Self::Host => "host",
            Self::Password => "password",
            Self::RateLimit => "rate_limit",
            Self::Scrape => "scrape",
        }
    }
}

/// Failures since the start.
#[derive(Debug, Default)]
pub struct Failures {
    by_kind: [AtomicU64; Failure::ALL.len()],
    web_config: AtomicU64,
}

impl Failures {
    /// Counts one failure, and returns the number of earlier ones of its kind.
    pub(super) fn count(&self, failure: Failure) -> u64 {
        self.by_kind[failure as usize].fetch_add(1, Relaxed)
    }

    /// Counts a web configuration that could not be used while the daemon ran.
    pub(super) fn count_web_config(&self) {
        self.web_config.fetch_add(1, Relaxed);
    }

    /// The number of readings of the web configuration that failed.
    #[must_use]
    pub fn web_config(&self) -> u64 {
        self.web_config.load(Relaxed)
    }

    /// Every kind with its number of failures.
    #[must_use]
    pub fn counted(&self) -> Vec<(&'static str, u64)> {
        let number = |failure: Failure| (failure.as_str(), self.by_kind[failure as usize].load(Relaxed));
        Failure::ALL.map(number).into()
    }
}

/// The state of scrapes.
#[derive(Debug, Default)]
pub(super) struct Health(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The time at which the running scrape began.
    since: Option<Instant>,
    /// The error of the last scrape, if it failed.
    failed: Option<String>,
}

impl Health {
    /// Records that a scrape begins.
    pub(super) fn begin(&self) {
        self.state().since = Some(Instant::now());
    }

    /// Records that a scrape has ended, with success or with an error in one line.
    pub(super) fn end(&self, error: Option<String>) {
        let mut state = self.state();
        match (&state.failed, &error) {
            (None, Some(error)) => {
                tracing::error!(error, "a scrape failed; further failures are only counted");
            }
            (Some(_), None) => tracing::info!("scrapes are answered again"),
            _ => {}
        }
        *state = State { since: None, failed: error };
    }

    /// The time that the running scrape has taken so far, if that is more than `limit`.
    pub(super) fn stuck(&self, limit: Duration) -> Option<Duration> {
        self.state().since.map(|since| since.elapsed()).filter(|time| *time > limit)
    }

    /// Returns true if the last scrape failed.
    pub(super) fn is_failing(&self) -> bool {
        self.state().failed.is_some()
    }

    /// No guard is held over code that panics.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_counted_by_itself() {
        let failures = Failures::default();
        assert_eq!((failures.count(Failure::Host), failures.count(Failure::Host)), (0, 1));
        failures.count(Failure::Accept);
        let counted = failures.counted();
        assert_eq!(
            counted,
            [
                ("accept", 1),
                ("address", 0),
                ("handshake", 0),
                ("host", 2),
                ("password", 0),
                ("rate_limit", 0),
                ("scrape", 0)
            ]
        );
    }

    #[test]
    fn a_scrape_is_stuck_only_while_it_is_taken() {
        let health = Health::default();
        assert_eq!(health.stuck(Duration::ZERO), None);
        health.begin();
        assert!(health.stuck(Duration::ZERO).is_some() && health.stuck(Duration::from_mins(1)).is_none());
        health.end(Some("lost".to_owned()));
        assert!(health.stuck(Duration::ZERO).is_none() && health.is_failing());
        health.begin();
        health.end(None);
        assert!(!health.is_failing());
    }
}
