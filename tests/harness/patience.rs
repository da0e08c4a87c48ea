//! How long is waited for what must come. Limits are written for a machine that has its processors for itself; a slower
//! one (`cargo xtask vm-test` emulates them) says so, and they are stretched. What must be quick is not measured by these.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

/// How many times slower the machine is than a usual one, from `D365_SLOWNESS`; 1 where it does not say.
static SLOWNESS: LazyLock<u32> = LazyLock::new(|| {
    let stated = std::env::var("D365_SLOWNESS").ok();
    stated.map_or(1, |times| times.parse().expect("D365_SLOWNESS is a whole number"))
});

/// How many times slower this machine is than a usual one: 1 where nobody said that it is.
pub fn slowness() -> u32 {
    *SLOWNESS
}

/// `time` as this machine takes it: for what has to last as long as something else takes.
pub fn stretched(time: Duration) -> Duration {
    time * *SLOWNESS
}

/// `number` of things that this machine does in the time in which a usual one does as many.
pub fn fewer(number: u64) -> u64 {
    // Emulated system calls are slower than the rest by far.
    number / u64::from(*SLOWNESS).pow(2)
}

/// When `limit` is over, from now, on this machine.
pub fn deadline(limit: Duration) -> Instant {
    Instant::now() + stretched(limit)
}
