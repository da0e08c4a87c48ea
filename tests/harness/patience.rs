//! Time limits for waiting. The limits are written for a machine that has its processors to itself. On a
//! slower machine (`cargo xtask vm-test` emulates one), `D365_SLOWNESS` stretches them. Tests of speed do not
//! use these limits.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

/// The factor by which this machine is slower than a usual one, from `D365_SLOWNESS`; 1 without the variable.
static SLOWNESS: LazyLock<u32> = LazyLock::new(|| {
    let stated = std::env::var("D365_SLOWNESS").ok();
    stated.map_or(1, |times| times.parse().expect("D365_SLOWNESS is a whole number"))
});

/// The factor by which this machine is slower than a usual one, or 1 if `D365_SLOWNESS` is not set.
pub fn slowness() -> u32 {
    *SLOWNESS
}

/// `time`, stretched for this machine: for a time that must last as long as other work takes.
pub fn stretched(time: Duration) -> Duration {
    time * *SLOWNESS
}

/// A lower number of operations. This machine does them in about the time in which a usual one does `number`.
pub fn fewer(number: u64) -> u64 {
    // Emulated system calls are slowed down far more than the rest.
    number / u64::from(*SLOWNESS).pow(2)
}

/// The time at which `limit`, stretched for this machine, is over.
pub fn deadline(limit: Duration) -> Instant {
    Instant::now() + stretched(limit)
}
