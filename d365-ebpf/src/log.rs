//! Log records of classified packets, for `--log-packets`.
//!
//! These are aya-log's macros with a support module of our own. The module in `aya-log-ebpf` declares its
//! ring buffer in the old `maps` section, which libbpf rejects. This module differs from it in that point
//! only.

use aya_log_ebpf_macros::info;
use d365_common::packet::{self, Segment, Source};

use crate::maps;

/// Support for the expanded macros.
pub mod macro_support {
    use aya_ebpf::{Global, btf_maps::RingBuf, macros::btf_map};
    pub use aya_log_common::{
        Argument, DefaultFormatter, DisplayHint, Field, Header, IpFormatter, Level, LogValueLength,
    };

    /// The log records, which aya-log reads in the daemon.
    #[btf_map]
    pub static AYA_LOGS: RingBuf<(), { 128 * 1024 }> = RingBuf::new();

    /// The loader sets a lower level here if it does not want all levels.
    #[unsafe(no_mangle)]
    pub static AYA_LOG_LEVEL: Global<u8> = Global::new(0xff);

    /// True if records of `level` are sent.
    #[inline(always)]
    pub fn level_enabled(level: Level) -> bool {
        level as u8 <= AYA_LOG_LEVEL.load()
    }
}

/// Sends a record of a packet to a watched port. The verifier removes this code unless `--log-packets` is
/// set.
#[inline(always)]
pub(crate) fn packet(len: usize, segment: &Segment, listed: bool) {
    if maps::log_packets() {
        send(len, segment, listed);
    }
}

/// A BPF function of its own: inlined into several programs, the macros' closures become functions without
/// names for their arguments, and the kernel rejects the BTF of these.
#[inline(never)]
fn send(len: usize, segment: &Segment, listed: bool) {
    let syn = u8::from(segment.opens);
    match (segment.source, listed) {
        (Source::V4([source, ..]), true) => {
            info!((), "listed {:i} bytes={} syn={}", source.to_ne_bytes(), len, syn);
        }
        (Source::V6(source), true) => {
            info!((), "listed {:i} bytes={} syn={}", packet::bytes(source), len, syn);
        }
        (Source::V4([source, ..]), false) => {
            info!((), "unlisted {:i} bytes={} syn={}", source.to_ne_bytes(), len, syn);
        }
        (Source::V6(source), false) => {
            info!((), "unlisted {:i} bytes={} syn={}", packet::bytes(source), len, syn);
        }
    }
}
