//! The packet reader over the kernel's socket buffer, as a tc program sees it.
//!
//! It only reads. Drivers and the network stack may leave headers outside of the buffer's first part, so that bytes are
//! copied by the kernel and none is read in place; and they take the first VLAN tag off.
//!
//! The buffer should start at the Ethernet header. It does not where the kernel copied a frame for a generic XDP program: the
//! length of that header is lost on the way (`skb_copy_header`, net/core/skbuff.c; seen on 6.18), and the buffer starts behind
//! it. What the kernel still knows is where that header is.

use core::mem::MaybeUninit;

use aya_ebpf::{
    bindings::{__sk_buff, bpf_hdr_start_off::BPF_HDR_START_MAC},
    cty::{c_long, c_void},
    helpers::generated::{bpf_skb_load_bytes, bpf_skb_load_bytes_relative},
    programs::TcContext,
};
use d365_common::packet::{ETHERNET_LEN, Reader, plain::Head};

/// An Ethernet header, compared whole.
type Ethernet = [u16; ETHERNET_LEN / 2];

/// A frame in a socket buffer.
pub(crate) struct Skb {
    skb: *mut __sk_buff,
    /// Bytes of the frame in front of the buffer's start: none, or the Ethernet header.
    before: usize,
}

impl Skb {
    /// `None` where the kernel knows of no Ethernet header.
    #[inline(always)]
    pub(crate) fn new(ctx: &TcContext) -> Option<Self> {
        let skb = ctx.skb.skb;
        let header: Ethernet = from_header(skb, 0)?;
        let starts_there = from_start::<Ethernet>(skb, 0).is_some_and(|start| start == header);
        Some(Self { skb, before: if starts_there { 0 } else { ETHERNET_LEN } })
    }

    /// The frame's head, if it is plain.
    #[inline(always)]
    pub(crate) fn plain<H: Head>(&self) -> Option<H> {
        from_header(self.skb, 0).filter(|head: &H| head.is_plain(self.frame_len()))
    }

    /// Index of the interface.
    #[inline(always)]
    pub(crate) fn ifindex(&self) -> u32 {
        // SAFETY: the kernel hands the program a valid context.
        unsafe { (*self.skb).ifindex }
    }

    /// The mark.
    #[inline(always)]
    pub(crate) fn mark(&self) -> u32 {
        // SAFETY: as above.
        unsafe { (*self.skb).mark }
    }

    /// Sets the mark. The compiler must not work the field's address out once for reading and writing: the kernel takes the
    /// context and an offset, and no sum of them.
    #[inline(always)]
    pub(crate) fn set_mark(&self, mark: u32) {
        let skb = core::hint::black_box(self.skb);
        // SAFETY: as above; a tc program may write this field.
        unsafe { (*skb).mark = mark };
    }

    /// The metadata in front of the frame: where it starts, and where it ends. Where the buffer does not start with the frame,
    /// what the kernel shows for metadata is a part of the frame: there is none.
    #[inline(always)]
    pub(crate) fn metadata(&self) -> Option<(usize, usize)> {
        if self.before != 0 {
            return None;
        }
        // SAFETY: as above.
        Some(unsafe { ((*self.skb).data_meta as usize, (*self.skb).data as usize) })
    }
}

impl Reader for Skb {
    #[inline(always)]
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        if offset < self.before {
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

/// Copies a value from so many bytes behind the buffer's start.
#[inline(always)]
fn from_start<T: Copy>(skb: *mut __sk_buff, offset: usize) -> Option<T> {
    // SAFETY: the context is valid, and `copied` has room for as many bytes as it says.
    copied(offset, |offset, to, len| unsafe { bpf_skb_load_bytes(skb.cast(), offset, to, len) })
}

/// The same from so many bytes behind the start of the Ethernet header.
#[inline(always)]
fn from_header<T: Copy>(skb: *mut __sk_buff, offset: usize) -> Option<T> {
    copied(offset, |offset, to, len| {
        // SAFETY: as above.
        unsafe { bpf_skb_load_bytes_relative(skb.cast(), offset, to, len, BPF_HDR_START_MAC) }
    })
}

/// A value that `copy` writes: every bit pattern has to be one. `copy` is given the offset, where to and how many bytes, and
/// answers 0 when it has written them all.
#[expect(clippy::cast_possible_truncation, reason = "values are headers' parts")]
#[inline(always)]
fn copied<T: Copy>(offset: usize, copy: impl FnOnce(u32, *mut c_void, u32) -> c_long) -> Option<T> {
    let mut value = MaybeUninit::<T>::uninit();
    let error = copy(u32::try_from(offset).ok()?, value.as_mut_ptr().cast(), size_of::<T>() as u32);
    // SAFETY: without an error all bytes are written.
    (error == 0).then(|| unsafe { value.assume_init() })
}
