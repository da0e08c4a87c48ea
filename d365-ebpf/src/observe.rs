//! The way of a frame: the plain one is recognised and looked up in line; every other one goes to the general
//! parser.
//!
//! The two are one program in all that is decided here, whatever it is run for: see [`Purpose`].

use aya_ebpf::programs::XdpContext;
use d365_common::{
    direct::Cell,
    packet::{
        Reader as _, Reason, Segment,
        plain::{self, Head},
    },
    setup::Setup,
    verdict::{self, Verdict},
};

use crate::{
    context::Frame,
    lookup::{Address, Generation},
    maps,
};

/// What a frame is run through the program for.
pub(crate) trait Purpose {
    /// The generation that sources are looked up in.
    fn generation(setup: Setup) -> Generation;

    /// What comes of a frame that is no segment to a watched port; the program's result.
    fn other(seen: &Seen<'_>, reason: Reason) -> u32;

    /// What comes of a segment to a watched port, from a listed range or not; the program's result. `segment`
    /// is for what is done besides counting: it is not made for nothing.
    fn segment(seen: &Seen<'_>, found: Cell, opens: bool, segment: impl FnOnce() -> Segment) -> u32;
}

/// What is known of a frame besides its verdict.
pub(crate) struct Seen<'a> {
    pub(crate) ctx: &'a XdpContext,
    pub(crate) setup: Setup,
    /// Its length in all buffers.
    pub(crate) len: usize,
}

impl Seen<'_> {
    /// The counters' row. It is looked for where something is counted, and not kept: a kept row would have
    /// the verifier look at all that is done besides once for each interface.
    #[inline(always)]
    pub(crate) fn row(&self) -> u32 {
        // SAFETY: the kernel hands the program a valid context.
        maps::row(self.setup, || unsafe { (*self.ctx.ctx).ingress_ifindex })
    }
}

/// Judges one frame, and answers with the program's result.
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

#[inline(always)]
fn recognised<P: Purpose, H: Head<Address: Address>, const FRAGS: bool>(
    ctx: &XdpContext,
    frame: &Frame<'_, FRAGS>,
    head: &H,
) -> u32 {
    let setup = maps::setup();
    let seen = Seen { ctx, setup, len: frame.first_len() };
    let tcp = head.tcp();
    if !maps::is_watched(setup, tcp.port()) {
        return P::other(&seen, Reason::OtherPort);
    }
    let found = P::generation(setup).look_up(head.address());
    P::segment(&seen, found, tcp.opens(), || head.segment())
}

/// The general parser. It is handed the context only, and that is hidden from the compiler: so it shares no
/// value with the way of the plain frame, and takes no register from it. As a function of its own in the
/// kernel it cost that way nothing less, and every other frame a call, which is a third of the program where
/// returns are guarded.
#[inline(always)]
fn general<P: Purpose, const FRAGS: bool>(ctx: XdpContext) -> u32 {
    let ctx = core::hint::black_box(ctx);
    let frame = Frame::<FRAGS>::new(&ctx);
    let setup = maps::setup();
    let verdict = verdict::judge(&frame, |port| maps::is_watched(setup, port), P::generation(setup));
    let seen = Seen { ctx: &ctx, setup, len: frame.frame_len() };
    match verdict {
        Verdict::Listed(entry, segment) => P::segment(&seen, Cell::listed(entry), segment.opens, || segment),
        Verdict::Unlisted(segment) => P::segment(&seen, Cell::UNLISTED, segment.opens, || segment),
        Verdict::Other(reason) => P::other(&seen, reason),
    }
}
