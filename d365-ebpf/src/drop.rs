//! Drops, only if the operator enables them with `--unlisted drop`.
//!
//! It must never drop a packet of an established connection, nor a packet from a listed or failsafe source.
//! It drops only new connections, and packets that hide a TCP header, which no sender needs.

use d365_common::{
    classification::RangeLookup as _,
    packet::{self, Reason, Segment},
};

use crate::{
    context::Context,
    lease,
    lookup::{self, Generation},
    maps,
};

/// True if an unlisted segment is dropped: never before a generation is published, and never after the lease
/// has ended.
#[inline(always)]
pub(crate) fn is_due(segment: &Segment) -> bool {
    segment.opens && is_on() && !lookup::is_failsafe(&segment.source)
}

/// True if a packet is dropped because it hides a TCP header and its source is neither listed nor failsafe.
#[inline(always)]
pub(crate) fn is_due_hidden<C: Context>(ctx: C, reason: Reason) -> bool {
    reason.hides_segment() && is_on() && is_from_stranger(ctx)
}

#[inline(always)]
fn is_on() -> bool {
    maps::drop_unlisted() && lease::allows_drops() && Generation::published(maps::setup()).is_there()
}

/// A BPF function of its own: otherwise the lookup would be compiled a second time into the path of every
/// packet. `black_box` hides the context from the compiler. Otherwise the compiler would pass the end of the
/// packet instead, and the verifier rejects that.
#[inline(never)]
fn is_from_stranger<C: Context>(ctx: C) -> bool {
    let packet = core::hint::black_box(ctx).packet();
    let generation = Generation::published(maps::setup());
    packet::source(&packet)
        .is_some_and(|source| generation.find(&source).is_none() && !lookup::is_failsafe(&source))
}
