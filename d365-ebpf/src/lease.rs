//! The lease: until when the list is vouched for.
//!
//! Only a packet that would be tagged or dropped asks for it. It changes no verdict: past the lease the program judges,
//! counts and passes as before.
//!
//! Time is the kernel's tick count: reading it is a load, which the verifier puts in the helper's place.

use aya_ebpf::helpers::generated::bpf_jiffies64;
use d365_common::entry::Entry;

use crate::maps::{self, LEASE};

/// Whether a packet that was found to be from `entry`'s range may be tagged.
#[inline(always)]
pub(crate) fn vouches_for(entry: Entry) -> bool {
    (!entry.is_retired() || maps::tag_retired()) && holds()
}

/// Whether the list is vouched for now.
#[inline(always)]
pub(crate) fn holds() -> bool {
    LEASE.get(0).is_some_and(|end| now() < *end)
}

/// Vouches for the list for so many ticks from now on: none, and the lease has run out; `u64::MAX`, and it has no
/// end. One store; `None` when there is no map.
#[inline(always)]
pub(crate) fn set(ticks: u64) -> Option<()> {
    let end = LEASE.get_ptr_mut(0)?;
    // SAFETY: the pointer is to the map's only value, which has this type and is aligned to it.
    unsafe { end.write(now().saturating_add(ticks)) };
    Some(())
}

#[inline(always)]
fn now() -> u64 {
    // SAFETY: the helper takes no argument and has no condition.
    unsafe { bpf_jiffies64() }
}
