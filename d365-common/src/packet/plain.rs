//! The recogniser of the plain frame: no VLAN tag, no IPv4 option, no IPv6 extension header, no fragment, and
//! a TCP header that lies in the frame whole. Most frames of a mail host are plain.
//!
//! It never has an answer of its own: it recognises a frame only where [`parse`](super::parse) answers the
//! same, and leaves every other frame to that. The properties of the fuzz target `packet` hold it to this.
//!
//! It reads a [`Head`], the frame's first bytes as a structure. So the bounds are checked once, and each
//! field lies at a constant offset that cannot be outside. Fields of more than one byte are in network byte
//! order.

use super::{
    ETHERNET_LEN, IPV4_MIN_LEN, IPV6_LEN, Reason, Segment, Source, TCP_MIN_LEN, ethertype, is_opening,
    protocol,
};

/// The longest frame that may consist of padding in part: the shortest one that comes by Ethernet, with its
/// check sequence (IEEE 802.3), which some drivers leave at the end.
const PADDED: usize = 64;

/// Whether a packet that ends `end` bytes into its frame shows that the frame ends with its first buffer, of
/// `len` bytes: drivers fill that buffer before they take another. Longer padding does not show it.
#[inline(always)]
#[must_use]
pub const fn is_whole(end: usize, len: usize) -> bool {
    end == len || (end < len && len <= PADDED)
}

/// The first bytes of a frame that may be plain.
///
/// # Safety
/// Every bit pattern is a value, there is no padding, and the alignment is at most 2: frames start at even
/// addresses (`NET_IP_ALIGN` is 0 or 2).
pub unsafe trait Head: Copy {
    /// A source address, as it lies in the frame.
    type Address;

    /// Whether the frame is plain. Its first buffer has `len` bytes.
    fn is_plain(&self, len: usize) -> bool;

    /// The source address. A reference: a copy would be loaded, joined and taken apart again.
    fn address(&self) -> &Self::Address;

    /// The source address of a [`Segment`].
    fn source(&self) -> Source;

    /// The TCP header.
    fn tcp(&self) -> &Tcp;

    /// The segment that a plain frame is.
    #[inline(always)]
    fn segment(&self) -> Segment {
        Segment { source: self.source(), opens: self.tcp().opens(), network: ETHERNET_LEN }
    }
}

/// A TCP header without options (RFC 9293 section 3.1).
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Tcp {
    source: u16,
    destination: u16,
    numbers: [u16; 4],
    offset: u8,
    flags: u8,
    rest: [u16; 3],
}

/// Ethernet, IPv4 without options (RFC 791 section 3.1), TCP.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Ipv4 {
    ethernet: [u16; 6],
    ethertype: u16,
    version: u8,
    service: u8,
    len: u16,
    identification: u16,
    fragment: u16,
    time_to_live: u8,
    protocol: u8,
    checksum: u16,
    source: [u8; 4],
    destination: [u16; 2],
    tcp: Tcp,
}

/// Ethernet, IPv6 (RFC 8200 section 3), TCP.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Ipv6 {
    ethernet: [u16; 6],
    ethertype: u16,
    version: u8,
    flow: [u8; 3],
    len: u16,
    next: u8,
    hop_limit: u8,
    source: [u8; 16],
    destination: [u16; 8],
    tcp: Tcp,
}

const _: () = {
    assert!(size_of::<Ipv4>() == ETHERNET_LEN + IPV4_MIN_LEN + TCP_MIN_LEN && align_of::<Ipv4>() == 2);
    assert!(size_of::<Ipv6>() == ETHERNET_LEN + IPV6_LEN + TCP_MIN_LEN && align_of::<Ipv6>() == 2);
};

impl Tcp {
    /// The destination port, in host byte order.
    #[inline(always)]
    #[must_use]
    pub const fn port(&self) -> u16 {
        u16::from_be(self.destination)
    }

    /// Whether SYN is set and ACK is not.
    #[inline(always)]
    #[must_use]
    pub const fn opens(&self) -> bool {
        is_opening(self.flags)
    }

    /// Whether the header, with its options, ends at `end` or before, if it begins at `start`.
    #[inline(always)]
    fn fits(&self, start: usize, end: usize) -> bool {
        let len = usize::from(self.offset & 0xf0) >> 2;
        len >= TCP_MIN_LEN && start + len <= end
    }
}

// SAFETY: integers of at most two bytes without padding, as the sizes below show.
unsafe impl Head for Ipv4 {
    type Address = [u8; 4];

    #[inline(always)]
    fn is_plain(&self, len: usize) -> bool {
        let packet = usize::from(u16::from_be(self.len));
        u16::from_be(self.ethertype) == ethertype::IPV4
            && self.version == 0x45
            && self.protocol == protocol::TCP
            // The reserved bit and "don't fragment" decide nothing.
            && u16::from_be(self.fragment) & 0x3fff == 0
            && self.tcp.fits(IPV4_MIN_LEN, packet)
            && is_whole(ETHERNET_LEN + packet, len)
    }

    #[inline(always)]
    fn address(&self) -> &[u8; 4] {
        &self.source
    }

    #[inline(always)]
    fn source(&self) -> Source {
        Source::v4(self.source)
    }

    #[inline(always)]
    fn tcp(&self) -> &Tcp {
        &self.tcp
    }
}

// SAFETY: as above.
unsafe impl Head for Ipv6 {
    type Address = [u8; 16];

    #[inline(always)]
    fn is_plain(&self, len: usize) -> bool {
        let packet = usize::from(u16::from_be(self.len));
        u16::from_be(self.ethertype) == ethertype::IPV6
            && self.version >> 4 == 6
            && self.next == protocol::TCP
            && self.tcp.fits(0, packet)
            && is_whole(ETHERNET_LEN + IPV6_LEN + packet, len)
    }

    #[inline(always)]
    fn address(&self) -> &[u8; 16] {
        &self.source
    }

    #[inline(always)]
    fn source(&self) -> Source {
        Source::v6(self.source)
    }

    #[inline(always)]
    fn tcp(&self) -> &Tcp {
        &self.tcp
    }
}

/// What [`parse`](super::parse) answers for a frame of one buffer, if it is plain. It goes by a copy of the
/// head; the kernel program reads it in place.
pub fn recognise(frame: &[u8], watched: impl Fn(u16) -> bool) -> Option<Result<Segment, Reason>> {
    fn answer<H: Head>(frame: &[u8], watched: &impl Fn(u16) -> bool) -> Option<Result<Segment, Reason>> {
        let head = frame.get(..size_of::<H>())?;
        // SAFETY: so many bytes are there, every bit pattern is a head, and a copy needs no alignment.
        let head = unsafe { head.as_ptr().cast::<H>().read_unaligned() };
        let answer = if watched(head.tcp().port()) { Ok(head.segment()) } else { Err(Reason::OtherPort) };
        head.is_plain(frame.len()).then_some(answer)
    }
    answer::<Ipv4>(frame, &watched).or_else(|| answer::<Ipv6>(frame, &watched))
}
