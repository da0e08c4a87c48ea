//! The path of a frame. The program recognises a plain frame and looks it up in line. Every other frame goes
//! to the general parser.
//!
//! The code here is the same for every [`Purpose`] of a run.

use aya_ebpf::programs::XdpContext;
use d365_common::{
    classification::{self, Classification},
    direct::Cell,
    packet::{
        Reader as _, Reason, Segment,
        plain::{self, Head},
    },
    setup::Setup,
};

use crate::{
    context::Frame,
    lookup::{Address, Generation},
    maps,
};

/// The purpose of a run, which determines the actions on a frame.
pub(crate) trait Purpose {
    /// The generation for lookups.
    fn generation(setup: Setup) -> Generation;

    /// Handles a frame that is not a segment to a watched port. Returns the program's result.
    fn other(seen: &Seen<'_>, reason: Reason) -> u32;

    /// Handles a segment to a watched port, from a listed range or not. Returns the program's result. Only
    /// actions in addition to counting need `segment`, so it is a closure that is called only for them.
    fn segment(seen: &Seen<'_>, found: Cell, opens: bool, segment: impl FnOnce() -> Segment) -> u32;
}

/// Facts about a frame in addition to its classification.
pub(crate) struct Seen<'a> {
    pub(crate) ctx: &'a XdpContext,
    pub(crate) setup: Setup,
    /// Length of all buffers in bytes.
    pub(crate) len: usize,
}

impl Seen<'_> {
    /// The counters' row. The program looks it up at each place that counts, and does not keep it: with a
    /// kept row the verifier would check the rest of the program once for each interface.
    #[inline(always)]
    pub(crate) fn row(&self) -> u32 {
        // SAFETY: the kernel passes the program a valid context.
        maps::row(self.setup, || unsafe { (*self.ctx.ctx).ingress_ifindex })
    }
}

/// Classifies one frame, and returns the program's result.
#[inline(always)]
pub(crate) fn frame<P: Purpose, const FRAGS: bool>(ctx: &XdpContext) -> u32 {
    let frame = Frame::<FRAGS>::new(ctx);
    if let Some(head) = frame.plain::<plain::Ipv4>() {
        return recognised::<P, _, FRAGS>(ctx, &frame, head);
    }
    if let Some(head) = frame.plain::<plain::Ipv6>() {
        return recognised::<P, _, FRAGS>(ctx, &frame, head);
    }
    general::<P, FRAGS>(XdpContext::new(ctx.ctx))
}

/// `head` is a pointer: the purpose may write into the packet, and no reference to it may exist by then.
#[inline(always)]
fn recognised<P: Purpose, H: Head<Address: Address>, const FRAGS: bool>(
    ctx: &XdpContext,
    frame: &Frame<'_, FRAGS>,
    head: *const H,
) -> u32 {
    let setup = maps::setup();
    let seen = Seen { ctx, setup, len: frame.first_len() };
    // SAFETY: the caller has this head from the frame, and nothing is written before `P` is called.
    let (port, opens) = unsafe { ((*head).tcp().port(), (*head).tcp().opens()) };
    if !maps::is_watched(setup, port) {
        return P::other(&seen, Reason::OtherPort);
    }
    // SAFETY: as above; the reference ends with the look-up.
    let found = P::generation(setup).look_up(unsafe { (*head).address() });
    // SAFETY: the purpose makes the segment before it writes.
    P::segment(&seen, found, opens, || unsafe { (*head).segment() })
}

/// The general parser. It takes only the context, and `black_box` hides that from the compiler. So the parser
/// shares no value with the path of the plain frame, and none of its values takes a register from it. As a
/// BPF function of its own it saved the plain frame nothing, and cost every other frame a call, which is a
/// third of the program where returns are guarded.
#[inline(always)]
fn general<P: Purpose, const FRAGS: bool>(ctx: XdpContext) -> u32 {
    let ctx = core::hint::black_box(ctx);
    let frame = Frame::<FRAGS>::new(&ctx);
    let setup = maps::setup();
    let classification =
        classification::classify(&frame, |port| maps::is_watched(setup, port), P::generation(setup));
    let seen = Seen { ctx: &ctx, setup, len: frame.frame_len() };
    match classification {
        Classification::Listed(entry, segment) => {
            P::segment(&seen, Cell::listed(entry), segment.opens, || segment)
        }
        Classification::Unlisted(segment) => P::segment(&seen, Cell::UNLISTED, segment.opens, || segment),
        Classification::Other(reason) => P::other(&seen, reason),
    }
}
