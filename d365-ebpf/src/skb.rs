//! The socket buffer of a tc program, and the packet reader and writer over it.
//!
//! Drivers and the network stack may leave headers outside of the buffer's first part, so the kernel copies
//! the bytes in both directions, and none is accessed in place. A program that writes in place would get a
//! prologue from the kernel that drops packets (`tc_cls_act_prologue`, net/core/filter.c).
//!
//! A packet is the one that the stack hands over: it may be joined of several segments (GRO), and its first
//! VLAN tag may be removed. Its bytes are those from the Ethernet header to the end, without removed tags and
//! without headers that joining removed.
//!
//! The `BARE` programs are for devices without an Ethernet header: their packets start with the IP header.
//! `skb->protocol` says which one, and the program reads the packet as if an Ethernet header with this
//! `EtherType` were in front of it. That header is not counted. The packet's own bytes never decide whether
//! there is an Ethernet header, because the sender chooses them.
//!
//! A buffer usually starts at the Ethernet header, or at the IP header where there is no other. There are
//! exceptions, so the program asks the kernel for the position of the header ([`Buffer::network`]):
//! - A frame that the kernel copied for a generic XDP program loses the length of the Ethernet header
//!   (`skb_copy_header`, net/core/skbuff.c; seen on 6.18). Its buffer starts after that header.
//! - A buffer of some tunnels starts at an outer header: of GRE without a remote address
//!   (`skb_pop_mac_header` in `__ipgre_rcv`), and before Linux 5.14 of most tunnels.

use core::{hint::black_box, mem::MaybeUninit};

use aya_ebpf::{
    bindings::{
        __sk_buff, BPF_F_RECOMPUTE_CSUM, TC_ACT_SHOT, TC_ACT_UNSPEC,
        bpf_hdr_start_off::{BPF_HDR_START_MAC, BPF_HDR_START_NET},
    },
    cty::{c_long, c_void},
    helpers::generated::{bpf_skb_load_bytes, bpf_skb_load_bytes_relative, bpf_skb_store_bytes},
    programs::TcContext,
};
use d365_common::packet::{ETHERNET_LEN, ETHERTYPE_OFFSET, Reader, ethertype, plain::Head};

use crate::context::{Context, Writer};

/// Bits of the length of the headers in front of a network header (`skb->mac_len`).
const MAC_LEN_BITS: u32 = 16;
/// The greatest offset from a header that the kernel accepts (`bpf_skb_load_bytes_relative`).
const MAX_OFFSET: i64 = 0xffff;

/// The context of a tc program: a socket buffer. With `BARE` its packet has no Ethernet header.
#[derive(Clone, Copy)]
pub(crate) struct Buffer<const BARE: bool>(*mut __sk_buff);

impl<const BARE: bool> Buffer<BARE> {
    #[inline(always)]
    pub(crate) fn new(ctx: &TcContext) -> Self {
        Self(ctx.skb.skb)
    }

    /// Copies the packet's head; `network` is the buffer's [`network`](Self::network) if it is `BARE`. The
    /// copied part is zero if the kernel knows no Ethernet header, or if the first part of the buffer is
    /// shorter than the head.
    #[expect(clippy::cast_possible_truncation, reason = "a head has less than 100 bytes")]
    #[inline(always)]
    pub(crate) fn head<H: Head>(self, network: usize) -> H {
        let mut head = MaybeUninit::<H>::uninit();
        let to: *mut c_void = head.as_mut_ptr().cast();
        let len = size_of::<H>() as u32;
        if BARE {
            // Nothing reads the hardware addresses. For zeros the compiler calls `memset`, which libbpf does
            // not accept.
            let ethernet = [self.protocol(); ETHERNET_LEN / 2];
            // SAFETY: a head begins with an Ethernet header, and its alignment is that of a word.
            unsafe { to.cast::<[u16; ETHERNET_LEN / 2]>().write(ethernet) };
            // SAFETY: the context is valid, and `head` has room for the bytes after the Ethernet header.
            let _ = unsafe {
                let (to, len) = (to.add(ETHERNET_LEN), len - ETHERNET_LEN as u32);
                bpf_skb_load_bytes(self.0.cast(), network as u32, to, len)
            };
        } else {
            // SAFETY: the context is valid, and `head` has room for a head.
            let _ = unsafe { bpf_skb_load_bytes_relative(self.0.cast(), 0, to, len, BPF_HDR_START_MAC) };
        }
        // SAFETY: the helper writes zeros if it cannot copy (net/core/filter.c); every bit pattern is a head.
        unsafe { head.assume_init() }
    }

    /// Bytes from the buffer's start to the end of the packet.
    #[inline(always)]
    pub(crate) fn len(self) -> usize {
        // SAFETY: the kernel passes the program a valid context.
        unsafe { (*self.0).len as usize }
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
        let skb = black_box(self.0);
        // SAFETY: the context is valid, and a tc program may write this field.
        unsafe { (*skb).mark = mark };
    }

    /// Offset in the buffer of the first byte after the Ethernet header, or of the first byte of a `BARE`
    /// packet. If it is not known, it is the buffer's end: then the packet has no bytes and is malformed.
    #[expect(clippy::cast_possible_truncation, reason = "usize has 64 bits in the kernel's virtual machine")]
    #[inline(always)]
    pub(crate) fn network(self) -> usize {
        let first_part = self.first_part();
        let network = if BARE {
            // The last byte of the first part, counted from the buffer's start.
            if self.error_at(first_part - 1, BPF_HDR_START_NET) == 0 { 0 } else { self.distance(first_part) }
        } else if self.error_at(first_part, BPF_HDR_START_MAC) == 0 {
            // One more byte than there is after the buffer's start: the header is before it.
            0
        } else {
            ETHERNET_LEN as i64
        };
        // The kernel answers for offsets of up to 65,535 bytes, the length of the longest packet. Longer ones
        // were joined by the kernel (BIG TCP), and the first part of their buffer is short.
        if first_part - network > MAX_OFFSET { self.len() } else { network.cast_unsigned() as usize }
    }

    /// Bytes from the buffer's start to the network header, one bit after the other from the highest on. The
    /// header is farther away than `n` bytes if the first part of the buffer has fewer than `first_part - n`
    /// bytes after it.
    ///
    /// There is no branch: the verifier would check the rest of the program for each distance.
    #[inline(always)]
    fn distance(self, first_part: i64) -> i64 {
        let mut distance = 0;
        for bit in (0..MAC_LEN_BITS).rev() {
            let offset = first_part - (distance + (1 << bit));
            // The sign of the error, unless the distance would be longer than the first part.
            let is_farther = (self.error_at(offset, BPF_HDR_START_NET) & !offset).cast_unsigned() >> 63;
            distance += is_farther.cast_signed() << bit;
        }
        distance
    }

    /// Bytes of the buffer's first part. `black_box` keeps the compiler from subtracting half of each
    /// pointer, which the verifier rejects.
    #[inline(always)]
    fn first_part(self) -> i64 {
        // SAFETY: the context is valid.
        let (start, end) = unsafe { ((*self.0).data, (*self.0).data_end) };
        black_box(i64::from(end) - i64::from(start))
    }

    /// 0 if the buffer's first part has a byte at `offset` from the start of a header, otherwise a negative
    /// number.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the kernel checks the offset"
    )]
    #[inline(always)]
    fn error_at(self, offset: i64, header: u32) -> c_long {
        let mut byte = MaybeUninit::<u8>::uninit();
        // SAFETY: the context is valid, and there is room for one byte.
        unsafe {
            bpf_skb_load_bytes_relative(self.0.cast(), offset as u32, byte.as_mut_ptr().cast(), 1, header)
        }
    }

    /// The `EtherType` in network byte order; `None` if the kernel knows no Ethernet header.
    #[inline(always)]
    fn ethertype(self) -> Option<u16> {
        if BARE {
            return Some(self.protocol());
        }
        copied(ETHERTYPE_OFFSET, |offset, to, len| {
            // SAFETY: the context is valid, and `to` has room for `len` bytes.
            unsafe { bpf_skb_load_bytes_relative(self.0.cast(), offset, to, len, BPF_HDR_START_MAC) }
        })
    }

    /// The protocol of a packet without an Ethernet header, in network byte order: IPv4 or IPv6, or 0 for all
    /// others. There are no VLAN tags in such a packet.
    #[expect(clippy::cast_possible_truncation, reason = "the field has 16 bits in the kernel")]
    #[inline(always)]
    fn protocol(self) -> u16 {
        // SAFETY: the context is valid.
        let protocol = unsafe { (*self.0).protocol } as u16;
        if ethertype::is_ip(u16::from_be(protocol)) { protocol } else { 0 }
    }
}

impl<const BARE: bool> Context for Buffer<BARE> {
    type Packet = Skb<BARE>;

    /// The tc programs after this one decide.
    const PASS: u32 = TC_ACT_UNSPEC.cast_unsigned();
    const DROP: u32 = TC_ACT_SHOT.cast_unsigned();
    const ADDED: usize = if BARE { ETHERNET_LEN } else { 0 };

    #[inline(always)]
    fn packet(self) -> Skb<BARE> {
        Skb::new(self, self.network(), 0)
    }

    #[inline(always)]
    fn ifindex(self) -> u32 {
        // SAFETY: the context is valid.
        unsafe { (*self.0).ifindex }
    }
}

/// A packet in a socket buffer.
pub(crate) struct Skb<const BARE: bool> {
    buffer: Buffer<BARE>,
    network: usize,
    /// In network byte order, or 0 to read it from the header.
    ethertype: u16,
}

impl<const BARE: bool> Skb<BARE> {
    /// `network` is the buffer's [`network`](Buffer::network). `ethertype` is that of the packet's head,
    /// which was copied before, or 0.
    #[inline(always)]
    pub(crate) fn new(buffer: Buffer<BARE>, network: usize, ethertype: u16) -> Self {
        Self { buffer, network, ethertype }
    }

    /// The place in the buffer of the byte at `offset` of the packet. The parser and the actions use no
    /// offset in the Ethernet header but that of the `EtherType`.
    #[inline(always)]
    fn place(&self, offset: usize) -> usize {
        self.network + offset - ETHERNET_LEN
    }
}

impl<const BARE: bool> Reader for Skb<BARE> {
    #[inline(always)]
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        if offset == ETHERTYPE_OFFSET && N == size_of::<u16>() {
            let ethertype = if self.ethertype == 0 { self.buffer.ethertype()? } else { self.ethertype };
            return ethertype.to_ne_bytes().first_chunk().copied();
        }
        copied(self.place(offset), |offset, to, len| {
            // SAFETY: the context is valid, and `to` has room for `len` bytes.
            unsafe { bpf_skb_load_bytes(self.buffer.0.cast(), offset, to, len) }
        })
    }

    #[inline(always)]
    fn frame_len(&self) -> usize {
        self.buffer.len() + ETHERNET_LEN - self.network
    }

    #[inline(always)]
    fn tags_taken(&self) -> usize {
        // SAFETY: the context is valid.
        usize::from(unsafe { (*self.buffer.0).vlan_present } != 0)
    }
}

impl<const BARE: bool> Writer for Skb<BARE> {
    /// The kernel copies a shared buffer first, for which it may have no memory.
    #[expect(clippy::cast_possible_truncation, reason = "`N` is that of a header's part")]
    #[inline(always)]
    fn write<const N: usize>(&self, offset: usize, bytes: [u8; N]) -> Option<()> {
        let offset = u32::try_from(self.place(offset)).ok()?;
        let (from, flags) = (bytes.as_ptr().cast(), u64::from(BPF_F_RECOMPUTE_CSUM));
        // SAFETY: the context is valid, and `bytes` has `N` bytes.
        let error = unsafe { bpf_skb_store_bytes(self.buffer.0, offset, from, N as u32, flags) };
        (error == 0).then_some(())
    }
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
