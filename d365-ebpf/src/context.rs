//! The packet reader, and writer, over the kernel's XDP context.
//!
//! It only reads and writes what the kernel says is there; each time the end of the data is checked.

use aya_ebpf::{EbpfContext as _, helpers::generated::bpf_xdp_get_buff_len, programs::XdpContext};
use d365_common::packet::Reader;

/// A frame as the driver hands it over. Headers are read from its first buffer, where drivers put them.
pub(crate) struct Frame {
    data: usize,
    data_end: usize,
    len: usize,
}

impl Frame {
    /// A frame of `len` bytes in all its buffers.
    #[inline(always)]
    pub(crate) fn new(ctx: &XdpContext, len: usize) -> Self {
        Self { data: ctx.data(), data_end: ctx.data_end(), len }
    }

    /// Writes `N` bytes at `offset`, or none of them and `None` when the frame does not hold them all.
    #[inline(always)]
    pub(crate) fn write<const N: usize>(&self, offset: usize, bytes: [u8; N]) -> Option<()> {
        let start = self.data + offset;
        if start + N > self.data_end {
            return None;
        }
        // SAFETY: `N` bytes from `start` lie before the end of the data; an array of bytes has no alignment.
        unsafe { *(start as *mut [u8; N]) = bytes };
        Some(())
    }
}

impl Reader for Frame {
    #[inline(always)]
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        let start = self.data + offset;
        if start + N > self.data_end {
            return None;
        }
        // SAFETY: `N` bytes from `start` lie before the end of the data; an array of bytes has no
        // alignment and no invalid values.
        Some(unsafe { *(start as *const [u8; N]) })
    }

    #[inline(always)]
    fn frame_len(&self) -> usize {
        self.len
    }
}

/// Index of the interface that a frame came in by.
#[inline(always)]
pub(crate) fn ifindex(ctx: &XdpContext) -> u32 {
    // SAFETY: the kernel hands the program a valid context.
    unsafe { (*ctx.ctx).ingress_ifindex }
}

/// Length of a frame in all its buffers (`bpf_xdp_get_buff_len`, kernel 5.18).
#[expect(clippy::cast_possible_truncation, reason = "usize has 64 bits in the kernel's virtual machine")]
#[inline(always)]
pub(crate) fn buffers_len(ctx: &XdpContext) -> usize {
    // SAFETY: the kernel hands the program a valid context.
    unsafe { bpf_xdp_get_buff_len(ctx.as_ptr().cast()) as usize }
}

/// Length of a frame in one buffer.
#[inline(always)]
pub(crate) fn linear_len(ctx: &XdpContext) -> usize {
    ctx.data_end() - ctx.data()
}
