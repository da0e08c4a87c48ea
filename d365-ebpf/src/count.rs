//! Counts each packet once, and each action on it. No other module writes the counters.

use d365_common::{
    classification::Class,
    counter::{Counter, action_index, class_index, range_index},
    direct::Cell,
    packet_action::PacketAction,
};

use crate::{
    context::Context,
    maps::{CLASS_COUNTERS, RANGE_COUNTERS, capacity},
    observe::Seen,
};

/// Counts a segment of `len` bytes to a watched port in the interface's `row`: in its range, or as unlisted.
#[inline(always)]
pub(crate) fn segment(row: u32, len: usize, found: Cell, opens: bool) {
    if let Some(entry) = found.entry() {
        // Row 0 needs no load of `CAPACITY`.
        let index = if row == 0 { entry.slot() } else { range_index(row, capacity(), entry.slot()) };
        if let Some(counter) = RANGE_COUNTERS.get_ptr_mut(index) {
            return bump(counter, len, opens);
        }
        // A compiled generation has no slot at or above the capacity. If that ever fails, the packet is
        // counted as unlisted, so that the sum over all classes is still the number of packets.
    }
    class(row, len, Class::Unlisted, opens);
}

/// Counts a packet of `len` bytes in a class.
#[inline(always)]
pub(crate) fn class(row: u32, len: usize, class: Class, opens: bool) {
    if let Some(counter) = CLASS_COUNTERS.get_ptr_mut(class_index(row, class)) {
        bump(counter, len, opens);
    }
}

/// Counts an action on a packet, in addition to its class.
#[inline(always)]
pub(crate) fn action<C: Context>(seen: &Seen<C>, action: PacketAction) {
    if let Some(counter) = CLASS_COUNTERS.get_ptr_mut(action_index(seen.row(), action)) {
        bump(counter, seen.len, false);
    }
}

#[inline(always)]
fn bump(counter: *mut Counter, len: usize, opens: bool) {
    // SAFETY: the pointer is to this CPU's value of this type, and nothing else writes it. No other packet's
    // run interrupts a program on the same CPU. On realtime kernels without a lock for that
    // (`docs/kernels.md`), an addition may be lost, but no value is torn.
    let counter = unsafe { &mut *counter };
    counter.packets += 1;
    counter.bytes += len as u64;
    counter.connections += u64::from(opens);
}
