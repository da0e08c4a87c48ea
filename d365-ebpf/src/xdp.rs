//! The XDP context, and the packet reader and writer over it.
//!
//! It accesses only bytes of the range that the kernel gives, and checks each access against the end of that
//! range.

use core::cell::Cell;

use aya_ebpf::{
    bindings::{
        xdp_action::{XDP_DROP, XDP_PASS},
        xdp_md,
    },
    helpers::generated::bpf_xdp_get_buff_len,
    programs::XdpContext,
};
use d365_common::packet::{
    Reader,
    plain::{self, Head},
};

use crate::context::{Context, Writer};

/// The context of an XDP program.
#[derive(Clone, Copy)]
pub(crate) struct Xdp(*mut xdp_md);

impl Xdp {
    #[inline(always)]
    pub(crate) fn new(ctx: &XdpContext) -> Self {
        Self(ctx.ctx)
    }
}

impl Context for Xdp {
    type Packet = Frame<false>;

    const PASS: u32 = XDP_PASS;
    const DROP: u32 = XDP_DROP;
    const ADDED: usize = 0;

    #[inline(always)]
    fn packet(self) -> Frame<false> {
        Frame::new(self)
    }

    #[inline(always)]
    fn ifindex(self) -> u32 {
        // SAFETY: the kernel passes the program a valid context.
        unsafe { (*self.0).ingress_ifindex }
    }
}

/// A frame as the driver passes it. The program reads headers from the first buffer, where drivers put them.
///
/// With `FRAGS` the frame may continue in further buffers. Its total length then takes a call
/// (`bpf_xdp_get_buff_len`, kernel 5.18), which costs a third of the program where returns are guarded. So
/// the program asks the kernel only if [the packet's end](plain::is_whole) does not show that the frame has
/// one buffer. If it does show that, padding in a further buffer is not counted.
pub(crate) struct Frame<const FRAGS: bool> {
    ctx: Xdp,
    data: usize,
    data_end: usize,
    /// 0 until the length is known. Not an `Option`: the verifier would see a load of the bytes that `None`
    /// leaves unset.
    len: Cell<usize>,
}

impl<const FRAGS: bool> Frame<FRAGS> {
    #[inline(always)]
    pub(crate) fn new(ctx: Xdp) -> Self {
        let frame = XdpContext::new(ctx.0);
        Self { ctx, data: frame.data(), data_end: frame.data_end(), len: Cell::new(0) }
    }

    /// The frame's head, if it is plain.
    #[inline(always)]
    pub(crate) fn plain<H: Head>(&self) -> Option<&H> {
        if self.data + size_of::<H>() > self.data_end {
            return None;
        }
        // SAFETY: the bytes of a head are before the end of the data, at an even address. A head has an
        // alignment of at most 2, and every bit pattern is a value.
        let head = unsafe { &*(self.data as *const H) };
        head.is_plain(self.first_len()).then_some(head)
    }

    /// Length of the first buffer in bytes.
    #[inline(always)]
    pub(crate) fn first_len(&self) -> usize {
        self.data_end - self.data
    }

    /// Length of all buffers in bytes, from the kernel.
    #[expect(clippy::cast_possible_truncation, reason = "usize has 64 bits in the kernel's virtual machine")]
    #[inline(always)]
    fn whole_len(&self) -> usize {
        // SAFETY: the kernel passes the program a valid context.
        unsafe { bpf_xdp_get_buff_len(self.ctx.0) as usize }
    }
}

impl<const FRAGS: bool> Writer for Frame<FRAGS> {
    #[inline(always)]
    fn write<const N: usize>(&self, offset: usize, bytes: [u8; N]) -> Option<()> {
        let start = self.data + offset;
        if start + N > self.data_end {
            return None;
        }
        // SAFETY: `N` bytes from `start` are before the end of the data. An array of bytes has an alignment
        // of 1.
        unsafe { *(start as *mut [u8; N]) = bytes };
        Some(())
    }
}

impl<const FRAGS: bool> Reader for Frame<FRAGS> {
    /// Reads words of two bytes: the compiler would load single bytes one by one and join them. Frames start
    /// at even addresses (`NET_IP_ALIGN` is 0 or 2), and `offset` is even. On machines that cannot load a
    /// word from any address, the verifier assumes the same; on others an odd start would cost time and
    /// nothing else.
    #[inline(always)]
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        let start = self.data + offset;
        if start + N > self.data_end {
            return None;
        }
        let mut bytes = [0; N];
        let (words, rest) = bytes.as_chunks_mut::<2>();
        for (place, word) in words.iter_mut().enumerate() {
            // SAFETY: `N` bytes from `start` are before the end of the data. `start` is even, because the
            // data's start and `offset` are. Every bit pattern is a value.
            *word = unsafe { *(start as *const u16).add(place) }.to_ne_bytes();
        }
        if let [last] = rest {
            // SAFETY: the last of these `N` bytes. A byte has an alignment of 1.
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
