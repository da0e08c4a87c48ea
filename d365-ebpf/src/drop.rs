//! Drops, only where the operator asked for them by `--unlisted drop`.
//!
//! It must never drop a packet of a connection that is established, nor anything from a listed or failsafe source: only new
//! connections, and packets that hide a TCP header, which no sender needs.

use aya_ebpf::programs::XdpContext;
use d365_common::{
    packet::{self, Reason, Segment},
    verdict::Find as _,
};

use crate::{
    context::Frame,
    lease,
    lookup::{self, Generation},
    maps,
};

/// Whether an unlisted segment is dropped. Before a generation is published, and once the lease has run out, none is.
#[inline(always)]
pub(crate) fn is_due(segment: &Segment) -> bool {
    segment.opens && is_on() && !lookup::is_failsafe(&segment.source)
}

/// Whether a packet is dropped because it hides a TCP header and its source is neither listed nor failsafe.
#[inline(always)]
pub(crate) fn is_due_hidden(ctx: &XdpContext, reason: Reason) -> bool {
    reason.hides_segment() && is_on() && is_from_stranger(ctx)
}

#[inline(always)]
fn is_on() -> bool {
    maps::drop_unlisted() && lease::allows_drops() && Generation::published(maps::setup()).is_there()
}

/// A function of its own in the kernel too: the look-up would be there a second time for every packet. The context is hidden from
/// the compiler, which would hand on the packet's end in its place, and the verifier refuses that.
#[inline(never)]
fn is_from_stranger(ctx: &XdpContext) -> bool {
    let frame = Frame::<false>::new(core::hint::black_box(ctx));
    let generation = Generation::published(maps::setup());
    packet::source(&frame)
        .is_some_and(|source| generation.find(&source).is_none() && !lookup::is_failsafe(&source))
}
