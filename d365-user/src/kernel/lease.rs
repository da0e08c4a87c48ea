//! Sets the lease: until when the list is vouched for.
//!
//! The kernel program knows the time, and this only tells it how long. It must not be asked for more than the caller
//! can vouch for; nothing here extends a lease by itself.

use std::time::Duration;

use aya::programs::ProgramError;
use d365_common::{names, packet::ETHERNET_LEN};
use nix::{
    errno::Errno,
    time::{ClockId, clock_getres},
};

use super::{chain, load::Kernel};

/// `XDP_PASS`, include/uapi/linux/bpf.h.
const XDP_PASS: u32 = 2;

/// Why the lease is not what it should be. It is the one before.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// The length of a tick is not known.
    #[error("cannot set the lease: the kernel does not tell the length of its ticks: {0}")]
    Tick(#[from] Errno),
    /// The program cannot be run.
    #[error("cannot set the lease: the kernel does not run program d365_lease: {}", chain(.0))]
    Program(#[from] ProgramError),
    /// The program could not do it.
    #[error(
        "cannot set the lease: program d365_lease answers {0}; build the daemon and its program from one commit"
    )]
    Refused(u32),
}

impl Kernel {
    /// Vouches for the list for the time `left` from now on, whichever generation is published: packets of listed
    /// sources may be tagged until then. `None` is without an end; zero ends the lease now. Before the first
    /// call nothing is vouched for.
    ///
    /// The lease is kept in whole ticks (1 to 10 ms), rounded down. Ticks stand still while the machine is suspended
    /// or its hypervisor holds it: who keeps the time by a calendar sets the lease again now and then.
    ///
    /// # Errors
    /// [`LeaseError`]; the lease is the one before.
    pub fn set_lease(&mut self, left: Option<Duration>) -> Result<(), LeaseError> {
        let ticks = match left {
            None => u64::MAX,
            Some(left) => ticks(left, tick()?),
        };
        let frame = [&[0; ETHERNET_LEN][..], &ticks.to_ne_bytes()].concat();
        match self.ask(names::PROGRAM_LEASE, &frame)? {
            XDP_PASS => Ok(()),
            other => Err(LeaseError::Refused(other)),
        }
    }
}

/// The length of a tick: what the kernel states as the resolution of its coarse clocks (`KTIME_LOW_RES`,
/// kernel/time/posix-timers.c).
fn tick() -> Result<Duration, Errno> {
    let tick = Duration::from(clock_getres(ClockId::CLOCK_MONOTONIC_COARSE)?);
    if tick.is_zero() { Err(Errno::EINVAL) } else { Ok(tick) }
}

/// Whole ticks in a time; past what the kernel can count, as good as no end.
fn ticks(time: Duration, tick: Duration) -> u64 {
    u64::try_from(time.as_nanos() / tick.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_never_longer_than_asked_for() {
        let tick = Duration::from_millis(4);
        for (left, expected) in [(0, 0), (3, 0), (4, 1), (7, 1), (1000, 250), (1_209_600_000, 302_400_000)] {
            assert_eq!(ticks(Duration::from_millis(left), tick), expected, "{left} ms");
        }
        assert_eq!(ticks(Duration::from_secs(10), Duration::from_nanos(3_333_333)), 3000);
        assert_eq!(ticks(Duration::MAX, tick), u64::MAX);
    }

    #[test]
    fn this_kernel_tells_a_length_that_kernels_are_built_with() {
        let known = [100, 250, 300, 1000].map(|hz| Duration::from_nanos((1_000_000_000 + hz / 2) / hz));
        assert!(known.contains(&tick().unwrap()), "{:?}", tick());
    }
}
