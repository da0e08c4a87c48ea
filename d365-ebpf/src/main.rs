//! The XDP program: it recognises port-25 TCP packets from listed ranges, counts every packet once,
//! and passes every packet.
//!
//! It must not drop, change or delay a packet. Parsing and the verdict are `d365-common`'s; this crate
//! only reads packets, looks sources up, counts, and samples unlisted sources when it is asked to.
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
mod lease;
mod log;
mod lookup;
mod maps;
mod sample;

// The log macros name their support module by this path; see `log`.
extern crate self as aya_log_ebpf;
pub use log::macro_support;

use aya_ebpf::{
    bindings::xdp_action::{XDP_ABORTED, XDP_PASS},
    macros::xdp,
    programs::XdpContext,
};
use d365_common::{
    answer::Answer,
    packet::{ETHERNET_LEN, Reader as _},
    verdict::{self, Verdict},
};

use crate::context::Frame;

/// For kernels that know frames in several buffers (5.18 and later).
#[xdp(frags)]
pub fn d365(ctx: XdpContext) -> u32 {
    let len = context::buffers_len(&ctx);
    observe::<false>(&ctx, len)
}

/// For older kernels.
#[xdp]
pub fn d365_linear(ctx: XdpContext) -> u32 {
    let len = context::linear_len(&ctx);
    observe::<false>(&ctx, len)
}

/// [`d365`] with samples.
#[xdp(frags)]
pub fn d365_watch(ctx: XdpContext) -> u32 {
    let len = context::buffers_len(&ctx);
    observe::<true>(&ctx, len)
}

/// [`d365_linear`] with samples.
#[xdp]
pub fn d365_watch_lin(ctx: XdpContext) -> u32 {
    let len = context::linear_len(&ctx);
    observe::<true>(&ctx, len)
}

/// Proves a generation before it is published: judges as the others do, by the generation in the place that
/// `PROVEN` names, and returns the verdict and whether it would be tagged. It is run by `BPF_PROG_TEST_RUN` only, and counts
/// nothing.
#[xdp]
pub fn d365_prove(ctx: XdpContext) -> u32 {
    let frame = Frame::new(&ctx, context::linear_len(&ctx));
    let verdict = verdict::judge(&frame, maps::is_watched, lookup::find_proven);
    let vouched = matches!(verdict, Verdict::Listed(entry, _) if lease::vouches_for(entry));
    Answer::of(&verdict).vouched_for(vouched).bits()
}

/// Sets the lease: to as many ticks from now on as the `u64` behind the frame's Ethernet header says, in host byte
/// order. It is run by `BPF_PROG_TEST_RUN` only; it passes when it did, and aborts when it could not.
#[xdp]
pub fn d365_lease(ctx: XdpContext) -> u32 {
    let frame = Frame::new(&ctx, context::linear_len(&ctx));
    let ticks = frame.read(ETHERNET_LEN).map(u64::from_ne_bytes);
    ticks.and_then(lease::set).map_or(XDP_ABORTED, |()| XDP_PASS)
}

/// Judges and counts one frame of `len` bytes. The only exit. Sampling is another program and no load-time constant:
/// carrying a source past the count makes the compiler restore a register that not every path has set, which kernels before
/// 6.3 refuse (seen on 5.10), and nobody shall pay for that who does not watch.
#[inline(always)]
fn observe<const SAMPLE: bool>(ctx: &XdpContext, len: usize) -> u32 {
    let frame = Frame::new(ctx, len);
    let verdict = verdict::judge(&frame, maps::is_watched, lookup::find);
    count::count(maps::row(ctx), len, &verdict);
    if SAMPLE {
        sample::packet(&verdict);
    }
    log::packet(ctx, len, &verdict);
    XDP_PASS
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
