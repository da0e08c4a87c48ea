//! The recogniser of the plain frame. A plain frame has no VLAN tag, no IPv4 option, no IPv6 extension header
//! and no fragment, and its first buffer contains the whole TCP header. Most frames of a mail host are plain.
//!
//! It recognises a frame only if [`parse`](super::parse) gives the same answer, and leaves all other frames
//! to the parser. The properties of the fuzz target `packet` check that.
//!
//! It reads a [`Head`], the frame's first bytes as a struct. So the bounds are checked once, and each field
//! is at a constant offset inside these bounds. Fields of more than one byte are in network byte order.

use super::{
    ETHERNET_LEN, IPV4_MIN_LEN, IPV6_LEN, Reason, Segment, Source, TCP_MIN_LEN, ethertype, is_opening,
    protocol,
};

/// Maximum length in bytes of a frame of which a part may be padding: the shortest Ethernet frame with its
/// check sequence (IEEE 802.3), which some drivers leave at the end.
const PADDED: usize = 64;

/// True if a packet that ends `end` bytes into its frame shows that the frame ends with its first buffer, of
/// `len` bytes. Drivers fill the first buffer before they use another. Padding in a frame of more than 64
/// bytes does not show it.
#[inline(always)]
#[must_use]
pub const fn is_whole(end: usize, len: usize) -> bool {
    end == len || (end < len && len <= PADDED)
}

/// The first bytes of a frame that may be plain.
///
/// # Safety
/// Every bit pattern is a value, the type has no padding, and its alignment is at most 2: frames start at
/// even addresses (`NET_IP_ALIGN` is 0 or 2).
pub unsafe trait Head: Copy {
    /// A source address in network byte order.
    type Address;

    /// True if the frame is plain. `len` is the length of its first buffer in bytes.
    fn is_plain(&self, len: usize) -> bool;

    /// The source address. It is a reference because the compiler would load a copy, join its bytes and split
    /// them again.
    fn address(&self) -> &Self::Address;

    /// The source address in the form of a [`Segment`].
    fn source(&self) -> Source;

    /// The TCP header.
    fn tcp(&self) -> &Tcp;

    /// The segment of a plain frame.
    #[inline(always)]
    fn segment(&self) -> Segment {
        Segment { source: self.source(), opens: self.tcp().opens(), network: ETHERNET_LEN }
    }
}

/// A TCP header without its options (RFC 9293 section 3.1).
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

    /// True if SYN is set and ACK is not.
    #[inline(always)]
    #[must_use]
    pub const fn opens(&self) -> bool {
        is_opening(self.flags)
    }

    /// True if the header, options included, starts at `start` and ends at `end` or before.
    #[inline(always)]
    fn fits(&self, start: usize, end: usize) -> bool {
        let len = usize::from(self.offset & 0xf0) >> 2;
        len >= TCP_MIN_LEN && start + len <= end
    }
}

impl Ipv4 {
    /// The `EtherType` in network byte order. It is 0 in a head that could not be copied.
    #[inline(always)]
    #[must_use]
    pub const fn ethertype(&self) -> u16 {
        self.ethertype
    }

    /// True if the frame has the `EtherType` of IPv6, so that its head may be an [`Ipv6`].
    #[inline(always)]
    #[must_use]
    pub const fn is_ipv6(&self) -> bool {
        u16::from_be(self.ethertype) == ethertype::IPV6
    }
}

// SAFETY: integers of at most two bytes without padding; the assertions above check size and alignment.
unsafe impl Head for Ipv4 {
    type Address = [u8; 4];

    #[inline(always)]
    fn is_plain(&self, len: usize) -> bool {
        let packet = usize::from(u16::from_be(self.len));
        u16::from_be(self.ethertype) == ethertype::IPV4
            && self.version == 0x45
            && self.protocol == protocol::TCP
            // The reserved bit and "don't fragment" do not matter.
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

// SAFETY: the same as for IPv4.
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

/// The answer of [`parse`](super::parse) for a frame in one buffer, if the frame is plain. It reads a copy of
/// the head; the kernel program reads the head in place.
pub fn recognise(frame: &[u8], watched: impl Fn(u16) -> bool) -> Option<Result<Segment, Reason>> {
    fn answer<H: Head>(frame: &[u8], watched: &impl Fn(u16) -> bool) -> Option<Result<Segment, Reason>> {
        let head = frame.get(..size_of::<H>())?;
        // SAFETY: the slice has the size of `H`, every bit pattern is a head, and an unaligned read needs no
        // alignment.
        let head = unsafe { head.as_ptr().cast::<H>().read_unaligned() };
        let answer = if watched(head.tcp().port()) { Ok(head.segment()) } else { Err(Reason::OtherPort) };
        head.is_plain(frame.len()).then_some(answer)
    }
    answer::<Ipv4>(frame, &watched).or_else(|| answer::<Ipv6>(frame, &watched))
}
