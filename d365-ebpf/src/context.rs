//! The packet reader, and writer, over the kernel's XDP context.
//!
//! It only reads and writes what the kernel says is there; each time the end of the data is checked.

use core::cell::Cell;

use aya_ebpf::{EbpfContext as _, helpers::generated::bpf_xdp_get_buff_len, programs::XdpContext};
use d365_common::packet::{
    Reader,
    plain::{self, Head},
};

/// A frame as the driver hands it over. Headers are read from its first buffer, where drivers put them.
///
/// With `FRAGS` it may go on in further buffers. How long it is then is a call (`bpf_xdp_get_buff_len`,
/// kernel 5.18), which costs a third of the program where returns are guarded. So the kernel is asked only
/// where [the packet's end](plain::is_whole) leaves it open. Padding in a buffer of its own is not counted
/// where it does not.
pub(crate) struct Frame<'a, const FRAGS: bool> {
    ctx: &'a XdpContext,
    data: usize,
    data_end: usize,
    /// None is 0, and no `Option`: what that leaves unset the verifier would see read.
    len: Cell<usize>,
}

impl<'a, const FRAGS: bool> Frame<'a, FRAGS> {
    #[inline(always)]
    pub(crate) fn new(ctx: &'a XdpContext) -> Self {
        Self { ctx, data: ctx.data(), data_end: ctx.data_end(), len: Cell::new(0) }
    }

    /// The frame's head, if it is plain.
    #[inline(always)]
    pub(crate) fn plain<H: Head>(&self) -> Option<&'a H> {
        if self.data + size_of::<H>() > self.data_end {
            return None;
        }
        // SAFETY: so many bytes lie before the end of the data, at an even address; a head has no more
        // alignment than that, and every bit pattern is one.
        let head = unsafe { &*(self.data as *const H) };
        head.is_plain(self.first_len()).then_some(head)
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

    /// Length of the first buffer.
    #[inline(always)]
    pub(crate) fn first_len(&self) -> usize {
        self.data_end - self.data
    }

    /// Length in all buffers, by the kernel.
    #[expect(clippy::cast_possible_truncation, reason = "usize has 64 bits in the kernel's virtual machine")]
    #[inline(always)]
    fn whole_len(&self) -> usize {
        // SAFETY: the kernel hands the program a valid context.
        unsafe { bpf_xdp_get_buff_len(self.ctx.as_ptr().cast()) as usize }
    }
}

impl<const FRAGS: bool> Reader for Frame<'_, FRAGS> {
    /// By words of two bytes: single ones would be loaded and joined one by one. Frames start at even addresses (`NET_IP_ALIGN` is 0
    /// or 2), and `offset` is even. Where a machine cannot load words from anywhere, the verifier takes that for granted too; elsewhere
    /// an odd start would cost time, and nothing else.
    #[inline(always)]
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        let start = self.data + offset;
        if start + N > self.data_end {
            return None;
        }
        let mut bytes = [0; N];
        let (words, rest) = bytes.as_chunks_mut::<2>();
        for (place, word) in words.iter_mut().enumerate() {
            // SAFETY: `N` bytes from `start` lie before the end of the data; `start` is even, as the data's start and `offset` are; every
            // bit pattern is a value.
            *word = unsafe { *(start as *const u16).add(place) }.to_ne_bytes();
        }
        if let [last] = rest {
            // SAFETY: as above; a byte has no alignment.
            *last = unsafe { *((start + N - 1) as *const u8) };
        }
        Some(bytes)
    }

    #[inline(always)]
    fn frame_len(&self) -> usize {
        if !FRAGS {
            return self.first_len();
        }
        if self.len.get() == 0 {
            self.len.set(self.whole_len());
        }
        self.len.get()
    }

    #[inline(always)]
    fn holds(&self, end: usize) -> bool {
        let first = self.first_len();
        if FRAGS && plain::is_whole(end, first) {
            self.len.set(first);
        }
        end <= self.frame_len()
    }
}
