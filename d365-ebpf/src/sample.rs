//! Samples of unlisted sources that open a connection, for `--watch-azure`.
//!
//! A sample is counted and discarded if the ring is full. The packet passes in any case.

use d365_common::packet::{Segment, Source};

use crate::maps::{self, SAMPLES, SAMPLES_LOST};

/// `BPF_RB_NO_WAKEUP`, include/uapi/linux/bpf.h: no thread sleeps on the ring.
const NO_WAKEUP: u64 = 1;

/// Sends the source of an unlisted segment that opens a connection. The verifier removes this code unless
/// `--watch-azure` is set.
#[inline(always)]
pub(crate) fn take(segment: &Segment) {
    if !maps::sample_unlisted() || !segment.opens {
        return;
    }
    let record = mapped(&segment.source);
    if SAMPLES.output_untyped::<[u64; 2]>(record, NO_WAKEUP).is_err()
        && let Some(lost) = SAMPLES_LOST.get_ptr_mut(0)
    {
        // SAFETY: the pointer is to this CPU's value of this type. No other packet's run interrupts a program
        // on the same CPU.
        unsafe { *lost += 1 };
    }
}

/// The address in network byte order, an IPv4 address as an IPv4-mapped IPv6 address (RFC 4291, section
/// 2.5.5.2). It is in words: for bytes the compiler calls `memset`, which libbpf does not accept.
#[inline(always)]
fn mapped(source: &Source) -> [u64; 2] {
    match source {
        Source::V4([address, ..]) => [0, two(u32::from_ne_bytes([0, 0, 0xff, 0xff]), *address)],
        Source::V6([a, b, c, d]) => [two(*a, *b), two(*c, *d)],
    }
}

/// Joins two words in their order in memory.
#[inline(always)]
fn two(first: u32, second: u32) -> u64 {
    let ([a, b, c, d], [e, f, g, h]) = (first.to_ne_bytes(), second.to_ne_bytes());
    u64::from_ne_bytes([a, b, c, d, e, f, g, h])
}
