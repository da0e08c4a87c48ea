//! Whether a packet is dropped: only what the operator asked for, by `--unlisted drop`.
//!
//! It must never drop what belongs to a connection that is there, nor anything that is not certainly a new connection from
//! a source that a list which is vouched for does not name.

use d365_common::packet::Segment;

use crate::{lease, lookup, maps};

/// Whether an unlisted segment is dropped. Before a generation is published, and once the lease has run out, none is.
#[inline(always)]
pub(crate) fn is_due(segment: &Segment) -> bool {
    maps::drop_unlisted()
        && segment.opens
        && lease::holds()
        && lookup::is_published()
        && !lookup::is_failsafe(&segment.source)
}
