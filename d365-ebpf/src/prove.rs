//! The purpose of `d365_prove`: it returns the classification of a frame, and whether the packet would be
//! tagged. It counts nothing.

use d365_common::{
    answer::Answer,
    classification::Classification,
    direct::Cell,
    packet::{Reason, Segment},
    setup::Setup,
};

use crate::{
    lease,
    lookup::Generation,
    observe::{Purpose, Seen},
    xdp::Xdp,
};

/// The purpose of `d365_prove`.
pub(crate) struct Prove;

impl Purpose<Xdp> for Prove {
    #[inline(always)]
    fn generation(setup: Setup) -> Generation {
        Generation::proven(setup)
    }

    #[inline(always)]
    fn other(_: &Seen<Xdp>, reason: Reason) -> u32 {
        Answer::of(&Classification::Other(reason)).bits()
    }

    #[inline(always)]
    fn segment(_: &Seen<Xdp>, found: Cell, _: bool, segment: impl FnOnce() -> Segment) -> u32 {
        match found.entry() {
            Some(entry) => {
                let answer = Answer::of(&Classification::Listed(entry, segment()));
                answer.with_taggable(lease::is_taggable(entry)).bits()
            }
            None => Answer::of(&Classification::Unlisted(segment())).bits(),
        }
    }
}
