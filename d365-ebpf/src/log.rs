//! Log records of classified packets, for `--log-packets`.
//!
//! aya-log's macros, with a support module of our own: the one in `aya-log-ebpf` declares its ring
//! buffer in the old `maps` section, which libbpf refuses. This one differs in nothing but that.

use aya_ebpf::programs::XdpContext;
use aya_log_ebpf_macros::info;
use d365_common::packet::{self, Segment, Source};

use crate::{maps, observe::Seen};

/// What the macros expand to.
pub mod macro_support {
    use aya_ebpf::{Global, btf_maps::RingBuf, macros::btf_map};
    pub use aya_log_common::{
        Argument, DefaultFormatter, DisplayHint, Field, Header, IpFormatter, Level, LogValueLength,
    };

    /// The records; the daemon's aya-log reads them.
    #[btf_map]
    pub static AYA_LOGS: RingBuf<(), { 128 * 1024 }> = RingBuf::new();

    /// Set by the loader when it wants less than all levels.
    #[unsafe(no_mangle)]
    pub static AYA_LOG_LEVEL: Global<u8> = Global::new(0xff);

    /// Whether records of `level` are sent.
    #[inline(always)]
    pub fn level_enabled(level: Level) -> bool {
        level as u8 <= AYA_LOG_LEVEL.load()
    }
}

/// Sends a record of a packet to a watched port. The verifier removes this code unless it was asked for.
#[inline(always)]
pub(crate) fn packet(seen: &Seen<'_>, segment: &Segment, listed: bool) {
    if maps::log_packets() {
        send(seen.ctx, seen.len, segment, listed);
    }
}

/// A function of its own in the kernel too: the macros' closures, inlined into both programs, would
/// come out as functions without names for their arguments, whose BTF the kernel refuses.
#[inline(never)]
fn send(ctx: &XdpContext, len: usize, segment: &Segment, listed: bool) {
    let syn = u8::from(segment.opens);
    match (segment.source, listed) {
        (Source::V4([source, ..]), true) => {
            info!(ctx, "listed {:i} bytes={} syn={}", source.to_ne_bytes(), len, syn);
        }
        (Source::V6(source), true) => {
            info!(ctx, "listed {:i} bytes={} syn={}", packet::bytes(source), len, syn);
        }
        (Source::V4([source, ..]), false) => {
            info!(ctx, "unlisted {:i} bytes={} syn={}", source.to_ne_bytes(), len, syn);
        }
        (Source::V6(source), false) => {
            info!(ctx, "unlisted {:i} bytes={} syn={}", packet::bytes(source), len, syn);
        }
    }
}
