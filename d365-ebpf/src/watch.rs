//! The purpose of the attached programs: they count a frame, and then do the actions that are enabled.

use d365_common::{
    classification::Class,
    direct::Cell,
    packet::{Reason, Segment},
    packet_action::PacketAction,
};

use crate::{
    context::Context,
    count, drop, lease, log, maps,
    observe::{Purpose, Seen},
    sample, tag,
};

/// The purpose of the attached programs.
pub(crate) struct Watch;

impl<C: Context> Purpose<C> for Watch {
    #[inline(always)]
    fn other(seen: &Seen<C>, reason: Reason) -> u32 {
        count::class(seen.row(), seen.len, Class::from(reason), false);
        if !seen.setup.has_actions() {
            return C::PASS;
        }
        if drop::is_due_hidden(seen.ctx, reason) {
            count::action(seen, PacketAction::HiddenDropped);
            return C::DROP;
        }
        tag::clear_unparsed_dscp(seen, reason);
        C::PASS
    }

    #[inline(always)]
    fn segment(seen: &Seen<C>, found: Cell, opens: bool, segment: impl FnOnce() -> Segment) -> u32 {
        count::segment(seen.row(), seen.len, found, opens);
        if !seen.setup.has_actions() {
            return C::PASS;
        }
        act(seen.ctx, seen.len, found, &segment())
    }
}

/// The actions on a segment to a watched port, after it was counted. `black_box` hides the context and
/// `found` from the compiler, as in the [general parser](crate::observe): so the code before does not keep
/// values for this function.
#[inline(always)]
fn act<C: Context>(ctx: C, len: usize, found: Cell, segment: &Segment) -> u32 {
    let (ctx, found) = core::hint::black_box((ctx, found));
    let seen = &Seen { ctx, setup: maps::setup(), len };
    let listed = found.entry();
    log::packet(len, segment, listed.is_some());
    let is_taggable = match listed {
        Some(entry) => maps::dscp().is_some() && lease::is_taggable(entry),
        None => {
            sample::take(segment);
            if drop::is_due(segment) {
                count::action(seen, PacketAction::Dropped);
                return C::DROP;
            }
            false
        }
    };
    tag::dscp(seen, segment, is_taggable);
    C::PASS
}
