//! The programs: they recognise port-25 TCP packets from listed ranges, count every packet once, and pass it.
//!
//! Unless the operator asks for tags or for drops, no packet is changed or dropped. Parsing and the verdict are
//! `d365-common`'s; this crate only reads packets, looks sources up, counts, and does what was asked for.
#![no_std]
#![no_main]
#![expect(
    missing_docs,
    unreachable_pub,
    clippy::needless_pass_by_value,
    reason = "the program macros make undocumented public symbols and call them by value"
)]

mod context;
mod count;
mod drop;
mod lease;
mod log;
mod lookup;
mod maps;
mod meta;
mod observe;
mod prove;
mod sample;
mod skb;
mod tag;
mod watch;

// The log macros name their support module by this path; see `log`.
extern crate self as aya_log_ebpf;
pub use log::macro_support;

use aya_ebpf::{
    bindings::{
        TC_ACT_UNSPEC,
        xdp_action::{XDP_ABORTED, XDP_PASS},
    },
    macros::{classifier, xdp},
    programs::{TcContext, XdpContext},
};
use d365_common::{
    names::PROBE_WRITTEN,
    packet::{ETHERNET_LEN, Reader as _},
};

use crate::{context::Frame, prove::Prove, watch::Watch};

/// For kernels that know frames in several buffers (5.18 and later).
#[xdp(frags)]
#[inline(always)]
pub fn d365(ctx: XdpContext) -> u32 {
    observe::frame::<Watch, true>(&ctx)
}

/// For older kernels.
#[xdp]
#[inline(always)]
pub fn d365_linear(ctx: XdpContext) -> u32 {
    observe::frame::<Watch, false>(&ctx)
}

/// Proves a generation before it is published: judges as the others do, by the generation in the place that
/// `PROVEN` names, and returns the verdict and whether it would be tagged. It is run by `BPF_PROG_TEST_RUN` only, and counts
/// nothing.
#[xdp]
#[inline(always)]
pub fn d365_prove(ctx: XdpContext) -> u32 {
    observe::frame::<Prove, false>(&ctx)
}

/// Sets the leases: each to as many ticks from now on as its `u64` behind the frame's Ethernet header says, in host byte
/// order. It is run by `BPF_PROG_TEST_RUN` only; it passes when it did, and aborts when it could not.
#[xdp]
#[inline(always)]
pub fn d365_lease(ctx: XdpContext) -> u32 {
    let frame = Frame::<false>::new(&ctx);
    let ticks = |lease| frame.read(ETHERNET_LEN + lease * size_of::<u64>()).map(u64::from_ne_bytes);
    lease::set(ticks).map_or(XDP_ABORTED, |()| XDP_PASS)
}

/// Gives packets their marks, behind the XDP program and in front of everything else. It leaves the verdict to those
/// that come after it.
#[classifier]
#[inline(always)]
pub fn d365_tag(ctx: TcContext) -> i32 {
    tag::mark(&ctx);
    TC_ACT_UNSPEC
}

/// Says whether this kernel lets a program write metadata: [`PROBE_WRITTEN`] or 0.
#[xdp]
#[inline(always)]
pub fn d365_probe(ctx: XdpContext) -> u32 {
    let is_written = meta::write(&ctx, None, 0).is_some() && meta::is_written(&ctx, 0);
    if is_written { PROBE_WRITTEN } else { 0 }
}

#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// The kernel lets programs under this licence use its GPL-only functions.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
