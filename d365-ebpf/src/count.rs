//! Counts each packet once. The only writer of the counters.

use d365_common::{
    counter::{Counter, class_index, range_index},
    verdict::{Class, Verdict},
};

use crate::maps::{CLASS_COUNTERS, RANGE_COUNTERS, capacity};

/// Counts a packet of `len` bytes in the interface's `row`.
#[inline(always)]
pub(crate) fn count(row: u32, len: usize, verdict: &Verdict) {
    let (counter, opens) = match verdict {
        Verdict::Listed(entry, segment) => {
            let counter = RANGE_COUNTERS.get_ptr_mut(range_index(row, capacity(), entry.slot()));
            // A compiled generation has no slot past the capacity. The sum over all classes has to hold
            // without that promise too.
            (counter.or_else(|| class(row, Class::Unlisted)), segment.opens)
        }
        Verdict::Unlisted(segment) => (class(row, Class::Unlisted), segment.opens),
        Verdict::Other(reason) => (class(row, (*reason).into()), false),
    };
    if let Some(counter) = counter {
        // SAFETY: the pointer is this CPU's own value, of this type, and is written nowhere else; a
        // program is not interrupted by another packet's run on the same CPU.
        let counter = unsafe { &mut *counter };
        counter.packets += 1;
        counter.bytes += len as u64;
        counter.connections += u64::from(opens);
    }
}

#[inline(always)]
fn class(row: u32, class: Class) -> Option<*mut Counter> {
    CLASS_COUNTERS.get_ptr_mut(class_index(row, class))
}
