//! Time limits for waiting. The limits are written for a machine that has its processors to itself. On a
//! slower machine (`cargo xtask vm-test` emulates one), `D365_SLOWNESS` stretches them. Tests of speed do not
//! use these limits.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;

/// The factor by which this machine is slower than a usual one, or 1 if `D365_SLOWNESS` is not set.
pub fn slowness() -> u32 {
    let stated = std::env::var("D365_SLOWNESS").ok();
    stated.map_or(1, |times| times.parse().expect("D365_SLOWNESS is a whole number"))
}

/// `time`, stretched for this machine: for a time that must last as long as other work takes.
pub fn stretched(time: Duration) -> Duration {
    time * slowness()
}

/// A lower number of operations. This machine does them in about the time in which a usual one does `number`.
pub fn fewer(number: u64) -> u64 {
    // Emulated system calls are slowed down far more than the rest.
    number / u64::from(slowness()).pow(2)
}

/// The time at which `limit`, stretched for this machine, is over.
pub fn deadline(limit: Duration) -> Instant {
    Instant::now() + stretched(limit)
}

/// Polls until there is a result, for at most `limit`, stretched for this machine. Returns `None` if there is
/// still no result.
pub(crate) fn wait<T>(limit: Duration, mut poll: impl FnMut() -> Result<Option<T>>) -> Result<Option<T>> {
    let deadline = deadline(limit);
    loop {
        let found = poll()?;
        if found.is_some() || Instant::now() >= deadline {
            return Ok(found);
        }
        thread::sleep(Duration::from_millis(5));
    }
}
