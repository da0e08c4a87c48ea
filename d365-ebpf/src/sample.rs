//! Samples of unlisted sources that open a connection, for `--watch-azure`.
//!
//! A sample that finds the ring full is counted and given up. The packet passes in any case.

use d365_common::{packet::Source, verdict::Verdict};

use crate::maps::{self, SAMPLES, SAMPLES_LOST};

/// `BPF_RB_NO_WAKEUP`, include/uapi/linux/bpf.h: nobody sleeps on the ring.
const NO_WAKEUP: u64 = 1;

/// A source that may become a sample, as IPv6 holds it.
///
/// It is taken while the source is looked up, kept in memory (by volatile accesses), and sent once the packet is counted.
/// Kept in registers over the count, it would have no value for packets that have no source, and kernels before 6.3 refuse a
/// program that spills and restores such a register (seen on 5.10).
#[derive(Default)]
#[repr(align(8))]
pub(crate) struct Sample([u8; 16]);

impl Sample {
    /// Takes a source that is looked up. The verifier removes this code, and [`send`](Self::send), unless samples were
    /// asked for.
    #[inline(always)]
    pub(crate) fn take(&mut self, source: &Source) {
        if maps::watch() {
            // SAFETY: a reference to plain bytes.
            unsafe { (&raw mut self.0).write_volatile(mapped(source)) };
        }
    }

    /// Sends the source if it is of an unlisted segment that opens a connection.
    #[inline(always)]
    pub(crate) fn send(&self, verdict: &Verdict) {
        if !maps::watch() || !matches!(verdict, Verdict::Unlisted(segment) if segment.opens) {
            return;
        }
        // SAFETY: a reference to plain bytes.
        let source = unsafe { (&raw const self.0).read_volatile() };
        if SAMPLES.output_untyped::<[u8; 16]>(source, NO_WAKEUP).is_err()
            && let Some(lost) = SAMPLES_LOST.get_ptr_mut(0)
        {
            // SAFETY: the pointer is this CPU's own value, of this type; a program is not interrupted by another
            // packet's run on the same CPU.
            unsafe { *lost += 1 };
        }
    }
}

/// The address, an IPv4 address as IPv6 holds it (RFC 4291, 2.5.5.2).
#[inline(always)]
fn mapped(source: &Source) -> [u8; 16] {
    match source {
        Source::V4([a, b, c, d]) => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, *a, *b, *c, *d],
        Source::V6(address) => *address,
    }
}
