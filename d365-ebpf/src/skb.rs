//! The packet reader over the kernel's socket buffer, for the tc program.
//!
//! It only reads. Drivers and the network stack may leave headers outside of the buffer's first part, so the
//! kernel copies the bytes, and none is read in place. They also remove the first VLAN tag.
//!
//! The buffer should start at the Ethernet header. It does not if the kernel copied a frame for a generic XDP
//! program: the copy loses the length of that header (`skb_copy_header`, net/core/skbuff.c; seen on 6.18),
//! and the buffer then starts after the header. The kernel still knows the position of the header.

use core::mem::MaybeUninit;

use aya_ebpf::{
    bindings::{__sk_buff, bpf_hdr_start_off::BPF_HDR_START_MAC},
    cty::{c_long, c_void},
    helpers::generated::{bpf_skb_load_bytes, bpf_skb_load_bytes_relative},
    programs::TcContext,
};
use d365_common::packet::{
    ETHERNET_LEN, ETHERTYPE_OFFSET, Reader,
    plain::{self, Head},
};

/// An Ethernet header, for a comparison of all its bytes.
type Ethernet = [u16; ETHERNET_LEN / 2];

/// The socket buffer of a tc program.
#[derive(Clone, Copy)]
pub(crate) struct Buffer(*mut __sk_buff);

impl Buffer {
    #[inline(always)]
    pub(crate) fn new(ctx: &TcContext) -> Self {
        Self(ctx.skb.skb)
    }

    /// Copies the frame's head. It is zero if the kernel knows no Ethernet header, or if the first part of
    /// the buffer is shorter than the head.
    #[expect(clippy::cast_possible_truncation, reason = "a head has less than 100 bytes")]
    #[inline(always)]
    pub(crate) fn head<H: Head>(self) -> H {
        let mut head = MaybeUninit::<H>::uninit();
        let to = head.as_mut_ptr().cast();
        // SAFETY: the context is valid, and `head` has room for a head.
        let _ = unsafe {
            bpf_skb_load_bytes_relative(self.0.cast(), 0, to, size_of::<H>() as u32, BPF_HDR_START_MAC)
        };
        // SAFETY: the helper writes zeros if it cannot copy (net/core/filter.c); every bit pattern is a head.
        unsafe { head.assume_init() }
    }

    /// Bytes from the buffer's start to the end of the frame.
    #[inline(always)]
    pub(crate) fn len(self) -> usize {
        // SAFETY: the kernel passes the program a valid context.
        unsafe { (*self.0).len as usize }
    }

    /// Index of the interface on which the packet arrived.
    #[inline(always)]
    pub(crate) fn ifindex(self) -> u32 {
        // SAFETY: the context is valid.
        unsafe { (*self.0).ifindex }
    }

    #[inline(always)]
    pub(crate) fn mark(self) -> u32 {
        // SAFETY: the context is valid.
        unsafe { (*self.0).mark }
    }

    /// Sets the mark. `black_box` keeps the compiler from computing the field's address once for reading and
    /// writing: the verifier accepts the context with an offset, and no sum of them.
    #[inline(always)]
    pub(crate) fn set_mark(self, mark: u32) {
        let skb = core::hint::black_box(self.0);
        // SAFETY: the context is valid, and a tc program may write this field.
        unsafe { (*skb).mark = mark };
    }
}

/// A frame in a socket buffer.
pub(crate) struct Skb {
    skb: *mut __sk_buff,
    /// Bytes of the frame before the buffer's start: 0, or the length of the Ethernet header.
    before: usize,
    ethertype: [u8; 2],
}

impl Skb {
    /// Takes the Ethernet header from the frame's head, which was copied before. Returns `None` if the kernel
    /// knows no Ethernet header.
    #[inline(always)]
    pub(crate) fn new(Buffer(skb): Buffer, head: &plain::Ipv4) -> Option<Self> {
        // The copied head of a short frame is zero.
        let header = if head.is_zero() { from_header(skb, 0)? } else { head.ethernet() };
        let starts_there = from_start::<Ethernet>(skb, 0).is_some_and(|start| start == header);
        let before = if starts_there { 0 } else { ETHERNET_LEN };
        Some(Self { skb, before, ethertype: header[ETHERNET_LEN / 2 - 1].to_ne_bytes() })
    }
}

impl Reader for Skb {
    #[inline(always)]
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        if offset == ETHERTYPE_OFFSET && N == self.ethertype.len() {
            // Without another call.
            self.ethertype.first_chunk().copied()
        } else if offset < self.before {
            from_header(self.skb, offset)
        } else {
            from_start(self.skb, offset - self.before)
        }
    }

    #[inline(always)]
    fn frame_len(&self) -> usize {
        // SAFETY: the context is valid.
        unsafe { (*self.skb).len as usize + self.before }
    }

    #[inline(always)]
    fn tags_taken(&self) -> usize {
        // SAFETY: the context is valid.
        usize::from(unsafe { (*self.skb).vlan_present } != 0)
    }
}

/// Copies a value at `offset` bytes from the buffer's start.
#[inline(always)]
fn from_start<T: Copy>(skb: *mut __sk_buff, offset: usize) -> Option<T> {
    // SAFETY: the context is valid, and `to` has room for `len` bytes.
    copied(offset, |offset, to, len| unsafe { bpf_skb_load_bytes(skb.cast(), offset, to, len) })
}

/// Copies a value at `offset` bytes from the start of the Ethernet header.
#[inline(always)]
fn from_header<T: Copy>(skb: *mut __sk_buff, offset: usize) -> Option<T> {
    copied(offset, |offset, to, len| {
        // SAFETY: the context is valid, and `to` has room for `len` bytes.
        unsafe { bpf_skb_load_bytes_relative(skb.cast(), offset, to, len, BPF_HDR_START_MAC) }
    })
}

/// Returns a value that `copy` writes; every bit pattern must be a value. `copy` gets the offset, the
/// destination and the number of bytes, and returns 0 if it has written all of them.
#[expect(clippy::cast_possible_truncation, reason = "values are headers' parts")]
#[inline(always)]
fn copied<T: Copy>(offset: usize, copy: impl FnOnce(u32, *mut c_void, u32) -> c_long) -> Option<T> {
    let mut value = MaybeUninit::<T>::uninit();
    let error = copy(u32::try_from(offset).ok()?, value.as_mut_ptr().cast(), size_of::<T>() as u32);
    // SAFETY: if there is no error, all bytes are written.
    (error == 0).then(|| unsafe { value.assume_init() })
}
