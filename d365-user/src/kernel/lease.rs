//! Sets the leases: until when ranges are trusted, and until when unlisted connections may be dropped.
//!
//! The kernel program reads the clock, and this module passes it only the remaining time. Nothing here
//! extends a lease by itself.

use std::time::Duration;

use aya::{maps::MapError, programs::ProgramError};
use d365_common::{
    lease::{DROPS, GROUPS, LEASES},
    names,
    packet::ETHERNET_LEN,
};
use nix::{
    errno::Errno,
    time::{ClockId, clock_getres},
};

use super::{error::error_chain, object::Kernel};

/// `XDP_PASS`, include/uapi/linux/bpf.h.
const XDP_PASS: u32 = 2;

/// The remaining time of each lease: `None` for a lease without an end, zero for an expired lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leases([Option<Duration>; LEASES]);

impl Leases {
    /// Returns leases with the same time for ranges of every group and for drops.
    #[must_use]
    pub const fn all(left: Option<Duration>) -> Self {
        Self([left; LEASES])
    }

    /// Returns leases with the groups' times, by their numbers, and the time of drops.
    #[must_use]
    pub fn new(groups: [Option<Duration>; GROUPS], drops: Option<Duration>) -> Self {
        let mut all = Self::all(drops);
        all.0[..GROUPS].copy_from_slice(&groups);
        all
    }

    /// Time until the lease of this group's ranges expires.
    #[must_use]
    pub fn group(&self, group: u8) -> Option<Duration> {
        self.0[usize::from(group) % GROUPS]
    }

    /// Time until the lease of drops expires.
    #[must_use]
    pub const fn drops(&self) -> Option<Duration> {
        self.0[DROPS]
    }
}

/// The leases could not be set. All or some of the previous leases are still in force.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what variants and fields are")]
pub enum LeaseError {
    #[error("cannot set the leases: the kernel does not report the length of its ticks: {0}")]
    Tick(#[from] Errno),
    #[error("cannot set the leases: the kernel does not run program d365_lease: {}", error_chain(.0))]
    Program(#[from] ProgramError),
    #[error("cannot end the lease of drops: {}", error_chain(.0))]
    Map(#[from] MapError),
    #[error(
        "cannot set the leases: program d365_lease answers {0}; build the daemon and its program from one commit"
    )]
    Refused(u32),
}

impl Kernel {
    /// Sets each lease to expire after its time, counted from now, whichever generation is published. The
    /// kernel program may tag packets from ranges of a group until the group's lease expires. Before the
    /// first call every lease is expired.
    ///
    /// Leases are kept in whole ticks (1 to 10 ms), rounded down. Ticks do not advance while the machine is
    /// suspended or its hypervisor pauses it. A caller that measures time by the calendar must set the leases
    /// again from time to time.
    pub fn set_leases(&mut self, leases: &Leases) -> Result<(), LeaseError> {
        let tick = tick()?;
        let ticks = leases.0.map(|left| left.map_or(u64::MAX, |left| ticks(left, tick)).to_ne_bytes());
        let frame = [&[0; ETHERNET_LEN][..], ticks.as_flattened()].concat();
        match self.ask(names::PROGRAM_LEASE, &frame)? {
            XDP_PASS => Ok(()),
            other => Err(LeaseError::Refused(other)),
        }
    }
}

impl Kernel {
    /// Ends the lease of drops, and leaves the others.
    ///
    /// # Errors
    /// [`LeaseError::Map`]; drops then end with their lease.
    pub fn end_drops(&mut self) -> Result<(), LeaseError> {
        let mut ends = self.leases.get(&0, 0)?;
        ends[DROPS] = 0;
        Ok(self.leases.set(0, ends, 0)?)
    }
}

/// The length of a tick: the resolution that the kernel reports for its coarse clocks (`KTIME_LOW_RES`,
/// kernel/time/posix-timers.c).
fn tick() -> Result<Duration, Errno> {
    let tick = Duration::from(clock_getres(ClockId::CLOCK_MONOTONIC_COARSE)?);
    if tick.is_zero() { Err(Errno::EINVAL) } else { Ok(tick) }
}

/// Returns the whole ticks in a time. A time that the kernel cannot count becomes `u64::MAX`, which means no
/// end.
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
