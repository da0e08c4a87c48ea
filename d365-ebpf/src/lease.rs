//! The leases: the times until which a range is trusted, and until which unlisted connections may be dropped.
//!
//! The program checks a lease only for a packet that it would tag or drop. A lease changes no classification:
//! after its end the program classifies, counts and passes packets as before.
//!
//! The time is the kernel's tick count, because the verifier replaces that helper by a load.

use aya_ebpf::helpers::generated::bpf_jiffies64;
use d365_common::{
    entry::Entry,
    lease::{DROPS, GROUPS, LEASES},
};

use crate::maps::{self, LEASE};

/// True if a packet from `entry`'s range may be tagged.
#[inline(always)]
pub(crate) fn is_taggable(entry: Entry) -> bool {
    (!entry.is_retired() || maps::tag_retired()) && holds(entry.group() as usize % GROUPS)
}

/// True while unlisted connections may be dropped.
#[inline(always)]
pub(crate) fn allows_drops() -> bool {
    holds(DROPS)
}

#[inline(always)]
fn holds(lease: usize) -> bool {
    LEASE.get(0).is_some_and(|ends| now() < ends[lease])
}

/// Sets each lease to end this number of ticks from now: with 0 it has ended, with `u64::MAX` it has no end.
/// `ticks` returns the number for a lease. If it returns `None`, that lease and the leases after it stay, and
/// the result is `None`. Each lease is set by one store.
#[inline(always)]
pub(crate) fn set(ticks: impl Fn(usize) -> Option<u64>) -> Option<()> {
    let ends = LEASE.get_ptr_mut(0)?;
    let now = now();
    for lease in 0..LEASES {
        let end = now.saturating_add(ticks(lease)?);
        // SAFETY: the pointer is to the map's only value, which is aligned for its type and has `LEASES`
        // elements.
        unsafe { (&raw mut (*ends)[lease]).write(end) };
    }
    Some(())
}

#[inline(always)]
fn now() -> u64 {
    // SAFETY: the helper takes no argument and has no precondition.
    unsafe { bpf_jiffies64() }
}
