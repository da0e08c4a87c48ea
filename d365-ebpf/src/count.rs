//! Counts each packet once, and what was done to it. The only writer of the counters.

use d365_common::{
    counter::{Counter, class_index, effect_index, range_index},
    effect::Effect,
    entry::Entry,
    verdict::{Class, Verdict},
};

use crate::maps::{CLASS_COUNTERS, RANGE_COUNTERS, capacity};

/// Counts a packet of `len` bytes in the interface's `row`: once, whatever it is.
#[inline(always)]
pub(crate) fn verdict(row: u32, len: usize, verdict: &Verdict) {
    match verdict {
        Verdict::Listed(entry, segment) => listed(row, len, *entry, segment.opens),
        Verdict::Unlisted(segment) => class(row, len, Class::Unlisted, segment.opens),
        Verdict::Other(reason) => class(row, len, (*reason).into(), false),
    }
}

/// Counts a packet of `len` bytes from a listed range.
#[inline(always)]
fn listed(row: u32, len: usize, entry: Entry, opens: bool) {
    match RANGE_COUNTERS.get_ptr_mut(range_index(row, capacity(), entry.slot())) {
        Some(counter) => bump(counter, len, opens),
        // A compiled generation has no slot past the capacity. The sum over all classes has to hold
        // without that promise too.
        None => class(row, len, Class::Unlisted, opens),
    }
}

/// Counts a packet of `len` bytes of a class.
#[inline(always)]
fn class(row: u32, len: usize, class: Class, opens: bool) {
    if let Some(counter) = CLASS_COUNTERS.get_ptr_mut(class_index(row, class)) {
        bump(counter, len, opens);
    }
}

/// Counts what was done to a packet of `len` bytes, besides its class.
#[inline(always)]
pub(crate) fn effect(row: u32, len: usize, effect: Effect) {
    if let Some(counter) = CLASS_COUNTERS.get_ptr_mut(effect_index(row, effect)) {
        bump(counter, len, false);
    }
}

#[inline(always)]
fn bump(counter: *mut Counter, len: usize, opens: bool) {
    // SAFETY: the pointer is this CPU's own value, of this type, and is written nowhere else. A program is not interrupted by
    // another packet's run on the same CPU; on realtime kernels without a lock for that (docs/kernels.md) an addition may
    // be lost, and no value is torn.
    let counter = unsafe { &mut *counter };
    counter.packets += 1;
    counter.bytes += len as u64;
    counter.connections += u64::from(opens);
}
