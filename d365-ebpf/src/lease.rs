//! The leases: until when a range is trusted, and until when unlisted connections may be dropped.
//!
//! Only a packet that would be tagged or dropped asks for one. It changes no verdict: past the lease the program judges,
//! counts and passes as before.
//!
//! Time is the kernel's tick count: reading it is a load, which the verifier puts in the helper's place.

use aya_ebpf::helpers::generated::bpf_jiffies64;
use d365_common::{
    entry::Entry,
    lease::{DROPS, GROUPS, LEASES},
};

use crate::maps::{self, LEASE};

/// Whether a packet that was found to be from `entry`'s range may be tagged.
#[inline(always)]
pub(crate) fn vouches_for(entry: Entry) -> bool {
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

/// Lets each lease last for so many ticks from now on: with none it has run out, with `u64::MAX` it has no end. `ticks`
/// reads the number of a lease; where it has none, that lease and those behind it stay. One store for each lease; `None`
/// unless all were set.
#[inline(always)]
pub(crate) fn set(ticks: impl Fn(usize) -> Option<u64>) -> Option<()> {
    let ends = LEASE.get_ptr_mut(0)?;
    let now = now();
    for lease in 0..LEASES {
        let end = now.saturating_add(ticks(lease)?);
        // SAFETY: the pointer is to the map's only value, which is aligned to its type and has so many leases.
        unsafe { (&raw mut (*ends)[lease]).write(end) };
    }
    Some(())
}

#[inline(always)]
fn now() -> u64 {
    // SAFETY: the helper takes no argument and has no condition.
    unsafe { bpf_jiffies64() }
}
