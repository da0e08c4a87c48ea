//! Counts each packet once, and what was done to it. The only writer of the counters.

use d365_common::{
    counter::{Counter, class_index, effect_index, range_index},
    direct::Cell,
    effect::Effect,
    verdict::Class,
};

use crate::{
    maps::{CLASS_COUNTERS, RANGE_COUNTERS, capacity},
    observe::Seen,
};

/// Counts a segment to a watched port, of `len` bytes, in the interface's `row`: by its range, or as
/// unlisted.
#[inline(always)]
pub(crate) fn segment(row: u32, len: usize, found: Cell, opens: bool) {
    if let Some(entry) = found.entry() {
        // Only where there are rows the constant is asked for.
        let index = if row == 0 { entry.slot() } else { range_index(row, capacity(), entry.slot()) };
        if let Some(counter) = RANGE_COUNTERS.get_ptr_mut(index) {
            return bump(counter, len, opens);
        }
        // A compiled generation has no slot past the capacity. The sum over all classes has to hold
        // without that promise too.
    }
    class(row, len, Class::Unlisted, opens);
}

/// Counts a packet of `len` bytes of a class.
#[inline(always)]
pub(crate) fn class(row: u32, len: usize, class: Class, opens: bool) {
    if let Some(counter) = CLASS_COUNTERS.get_ptr_mut(class_index(row, class)) {
        bump(counter, len, opens);
    }
}

/// Counts what was done to a packet, besides its class.
#[inline(always)]
pub(crate) fn effect(seen: &Seen<'_>, effect: Effect) {
    effect_in(seen.row(), seen.len, effect);
}

/// The same of a packet of `len` bytes in the interface's `row`.
#[inline(always)]
pub(crate) fn effect_in(row: u32, len: usize, effect: Effect) {
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
