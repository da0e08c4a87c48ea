//! The path of a frame. The program recognises a plain frame and looks it up in line. Every other frame goes
//! to the general parser.
//!
//! The code here is the same for every [`Purpose`] of a run.

use aya_ebpf::programs::{TcContext, XdpContext};
use d365_common::{
    classification::{self, Classification},
    direct::Cell,
    packet::{
        ETHERNET_LEN, Reader, Reason, Segment,
        plain::{self, Head},
    },
    setup::Setup,
};

use crate::{
    context::Context,
    lookup::{Address, Generation},
    maps,
    skb::{Buffer, Skb},
    xdp::{Frame, Xdp},
};

/// The purpose of a run, which determines the actions on a frame.
pub(crate) trait Purpose<C> {
    /// The generation for lookups: the published one.
    #[inline(always)]
    fn generation(setup: Setup) -> Generation {
        Generation::published(setup)
    }

    /// Handles a frame that is not a segment to a watched port. Returns the program's result.
    fn other(seen: &Seen<C>, reason: Reason) -> u32;

    /// Handles a segment to a watched port, from a listed range or not. Returns the program's result. Only
    /// actions in addition to counting need `segment`, so it is a closure that is called only for them.
    fn segment(seen: &Seen<C>, found: Cell, opens: bool, segment: impl FnOnce() -> Segment) -> u32;
}

/// Facts about a frame in addition to its classification.
pub(crate) struct Seen<C> {
    pub(crate) ctx: C,
    pub(crate) setup: Setup,
    /// Length of the packet in bytes, as it is counted.
    pub(crate) len: usize,
}

impl<C: Context> Seen<C> {
    /// The counters' row. The program looks it up at each place that counts, and does not keep it: with a
    /// kept row the verifier would check the rest of the program once for each interface.
    #[inline(always)]
    pub(crate) fn row(&self) -> u32 {
        maps::row(self.setup, || self.ctx.ifindex())
    }
}

/// Classifies one frame in a driver's buffer, and returns the program's result.
#[inline(always)]
pub(crate) fn frame<P: Purpose<Xdp>, const FRAGS: bool>(ctx: &XdpContext) -> u32 {
    let ctx = Xdp::new(ctx);
    let frame = Frame::<FRAGS>::new(ctx);
    if let Some(head) = frame.plain::<plain::Ipv4>() {
        return recognised::<P, _, _>(ctx, frame.first_len(), head);
    }
    if let Some(head) = frame.plain::<plain::Ipv6>() {
        return recognised::<P, _, _>(ctx, frame.first_len(), head);
    }
    // `black_box` hides the context from the compiler. So the parser shares no value with the path of the
    // plain frame, and none of its values takes a register from it. As a BPF function of its own it saved the
    // plain frame nothing, and cost every other frame a call, which is a third of the program where returns
    // are guarded.
    let ctx = core::hint::black_box(ctx);
    general::<P, _, _>(ctx, &Frame::<FRAGS>::new(ctx))
}

/// Classifies one packet in a socket buffer, and returns the program's result.
///
/// A frame that the kernel copied for a generic XDP program has a buffer that starts after the Ethernet
/// header. The buffer's length is then too short for a plain frame, so the parser classifies it.
#[inline(always)]
pub(crate) fn packet<P: Purpose<Buffer<BARE>>, const BARE: bool>(ctx: &TcContext) -> u32 {
    let buffer = Buffer::<BARE>::new(ctx);
    let network = if BARE { buffer.network() } else { ETHERNET_LEN };
    let len = buffer.len() + ETHERNET_LEN - network;
    let head: plain::Ipv4 = buffer.head(network);
    if head.is_plain(len) {
        return recognised::<P, _, _>(buffer, len, &raw const head);
    }
    if head.is_ipv6() {
        let head: plain::Ipv6 = buffer.head(network);
        if head.is_plain(len) {
            return recognised::<P, _, _>(buffer, len, &raw const head);
        }
    }
    // A plain frame with an Ethernet header does not need this call of the kernel.
    let network = if BARE { network } else { buffer.network() };
    general::<P, _, _>(buffer, &Skb::new(buffer, network, head.ethertype()))
}

/// `head` is a pointer: the purpose may write into the packet, and no reference to it may exist by then.
/// `len` is the length of the frame.
#[inline(always)]
fn recognised<P: Purpose<C>, C: Context, H: Head<Address: Address>>(
    ctx: C,
    len: usize,
    head: *const H,
) -> u32 {
    let setup = maps::setup();
    let seen = Seen { ctx, setup, len: len - C::ADDED };
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

/// The general parser.
#[inline(always)]
fn general<P: Purpose<C>, C: Context, R: Reader>(ctx: C, frame: &R) -> u32 {
    let setup = maps::setup();
    let classification =
        classification::classify(frame, |port| maps::is_watched(setup, port), P::generation(setup));
    let seen = Seen { ctx, setup, len: frame.frame_len() - C::ADDED };
    match classification {
        Classification::Listed(entry, segment) => {
            P::segment(&seen, Cell::listed(entry), segment.opens, || segment)
        }
        Classification::Unlisted(segment) => P::segment(&seen, Cell::UNLISTED, segment.opens, || segment),
        Classification::Other(reason) => P::other(&seen, reason),
    }
}
