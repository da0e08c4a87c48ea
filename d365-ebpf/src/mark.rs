//! The purposes of the tc programs: `d365_tag` sets the mark of a trusted packet and clears our mark on
//! others; `d365_tc` does that in addition to all that the XDP program does.
//!
//! `d365_tag` counts only marks. It leaves the verdict on the packet to the programs that run later.

use d365_common::{direct::Cell, entry::Entry, packet::Reason, packet::Segment, packet_action::PacketAction};

use crate::{
    context::Context as _,
    count, lease, maps,
    observe::{Purpose, Seen},
    skb::Buffer,
    watch::Watch,
};

/// The purpose of `d365_tag`.
pub(crate) struct Mark;

impl<const BARE: bool> Purpose<Buffer<BARE>> for Mark {
    #[inline(always)]
    fn other(seen: &Seen<Buffer<BARE>>, _: Reason) -> u32 {
        mark(seen, None);
        Buffer::<BARE>::PASS
    }

    #[inline(always)]
    fn segment(seen: &Seen<Buffer<BARE>>, found: Cell, _: bool, _: impl FnOnce() -> Segment) -> u32 {
        mark(seen, found.entry());
        Buffer::<BARE>::PASS
    }
}

/// The purpose of `d365_tc`.
pub(crate) struct WatchAndMark;

impl<const BARE: bool> Purpose<Buffer<BARE>> for WatchAndMark {
    #[inline(always)]
    fn other(seen: &Seen<Buffer<BARE>>, reason: Reason) -> u32 {
        let result = Watch::other(seen, reason);
        if result == Buffer::<BARE>::PASS {
            mark(seen, None);
        }
        result
    }

    #[inline(always)]
    fn segment(
        seen: &Seen<Buffer<BARE>>,
        found: Cell,
        opens: bool,
        segment: impl FnOnce() -> Segment,
    ) -> u32 {
        let result = Watch::segment(seen, found, opens, segment);
        if result == Buffer::<BARE>::PASS {
            mark(seen, found.entry());
        }
        result
    }
}

/// Sets the mark of a packet from `entry`'s range if it is trusted, or clears our mark on the packet. Sources
/// without an entry are not trusted.
#[inline(always)]
fn mark<const BARE: bool>(seen: &Seen<Buffer<BARE>>, entry: Option<Entry>) {
    let Some(mark) = maps::mark() else { return };
    let trusted = entry.filter(|entry| lease::is_taggable(*entry)).map(Entry::geo);
    let old = seen.ctx.mark();
    let (new, action) = match trusted {
        Some(geo) => (mark.on(old, geo), PacketAction::Marked),
        None => (mark.without(old), PacketAction::MarkCleared),
    };
    if new != old {
        seen.ctx.set_mark(new);
    }
    if trusted.is_some() || new != old {
        count::action(seen, action);
    }
}
