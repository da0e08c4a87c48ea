//! The programs: they recognise TCP segments to the watched ports from listed ranges, count every packet
//! once, and pass it.
//!
//! No packet is changed or dropped unless the operator enables tags or drops. `d365-common` parses and
//! classifies. This crate reads packets, looks up sources, counts, and does the actions.
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
mod mark;
mod observe;
mod prove;
mod sample;
mod skb;
mod tag;
mod watch;
mod xdp;

// The log macros use this path for their support module; see `log`.
extern crate self as aya_log_ebpf;
pub use log::macro_support;

use aya_ebpf::{
    bindings::xdp_action::{XDP_ABORTED, XDP_PASS},
    macros::{classifier, xdp},
    programs::{TcContext, XdpContext},
};
use d365_common::packet::{ETHERNET_LEN, Reader as _};

use crate::{
    mark::{Mark, WatchAndMark},
    prove::Prove,
    watch::Watch,
    xdp::{Frame, Xdp},
};

/// The XDP program for kernels that support frames in several buffers (5.18 and later).
#[xdp(frags)]
#[inline(always)]
pub fn d365(ctx: XdpContext) -> u32 {
    observe::frame::<Watch, true>(&ctx)
}

/// The XDP program for older kernels.
#[xdp]
#[inline(always)]
pub fn d365_linear(ctx: XdpContext) -> u32 {
    observe::frame::<Watch, false>(&ctx)
}

/// Verifies a generation before it is published. It classifies like the attached programs, but by the
/// generation that `PROVEN` names. It returns the classification and whether the packet would be tagged. Only
/// `BPF_PROG_TEST_RUN` runs it, and it counts nothing.
#[xdp]
#[inline(always)]
pub fn d365_prove(ctx: XdpContext) -> u32 {
    observe::frame::<Prove, false>(&ctx)
}

/// Sets the leases. The frame has one `u64` (host byte order) for each lease after its Ethernet header: the
/// ticks from now until the lease ends. Only `BPF_PROG_TEST_RUN` runs it. It passes if all leases were set,
/// otherwise it aborts.
#[xdp]
#[inline(always)]
pub fn d365_lease(ctx: XdpContext) -> u32 {
    let frame = Frame::<false>::new(Xdp::new(&ctx));
    let ticks = |lease| frame.read(ETHERNET_LEN + lease * size_of::<u64>()).map(u64::from_ne_bytes);
    lease::set(ticks).map_or(XDP_ABORTED, |()| XDP_PASS)
}

/// Sets the packet mark, after the XDP program and before other tc programs (after them with
/// `--tc-order last`). It leaves the verdict to the tc programs after it.
#[classifier]
#[inline(always)]
pub fn d365_tag(ctx: TcContext) -> i32 {
    observe::packet::<Mark, false>(&ctx).cast_signed()
}

/// Replaces the XDP program and `d365_tag`: it does everything that they do. It leaves the verdict on
/// packets that pass to the tc programs after it.
#[classifier]
#[inline(always)]
pub fn d365_tc(ctx: TcContext) -> i32 {
    observe::packet::<WatchAndMark, false>(&ctx).cast_signed()
}

/// The same program for interfaces whose packets start with the IP header. The loader decides by the
/// interface's link type, because no packet shows reliably which one it is.
#[classifier]
#[inline(always)]
pub fn d365_tc_l3(ctx: TcContext) -> i32 {
    observe::packet::<WatchAndMark, true>(&ctx).cast_signed()
}

#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// The kernel allows programs under this licence to use its GPL-only functions.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
