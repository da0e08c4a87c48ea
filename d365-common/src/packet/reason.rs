//! Reasons why a packet is not a TCP segment to a watched port, and whether such a packet may become one at a
//! receiver. This module must not decide what is done to the packet.

/// A reason why a packet is not a TCP segment to a watched port. It is finer than the counted classes: it
/// distinguishes packets that may become such a segment at a receiver from packets that cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Reason {
    /// TCP to a port that is not watched.
    OtherPort,
    /// IP, and the upper layer cannot be TCP.
    NotTcp,
    /// IP, and TCP may follow a header that the parser does not look through (authentication, ESP, mobility,
    /// HIP, shim6, experiments). Also a later IPv6 fragment whose next header is not TCP: the receiver uses
    /// the next header of the first fragment (RFC 8200 section 4.5).
    Opaque,
    /// Neither IPv4 nor IPv6.
    NotIp,
    /// A fragment of a TCP segment after the first: it has no ports.
    LaterFragment,
    /// A later IPv4 fragment with the offset 1 (8 bytes): it starts inside of the TCP header, where only the
    /// first fragment may have bytes (RFC 3128).
    OverlappingFragment,
    /// A header is cut off, or contradicts itself or the frame's length. No receiver makes a segment of it.
    Malformed,
    /// The TCP header, or a header in front of it, is not complete in the readable part, and a receiver may
    /// have the rest. Either a first fragment cuts it off (RFC 1858, RFC 7112), or it is after the frame's
    /// first buffer.
    HiddenHeader,
    /// More VLAN tags than the parser looks through ([`MAX_VLAN_TAGS`](super::MAX_VLAN_TAGS)).
    TooManyTags,
    /// More extension headers than the parser looks through
    /// ([`MAX_EXTENSION_HEADERS`](super::MAX_EXTENSION_HEADERS)).
    TooManyHeaders,
}

impl Reason {
    /// All reasons, each at the index of its number.
    pub const ALL: [Self; 10] = [
        Self::OtherPort,
        Self::NotTcp,
        Self::Opaque,
        Self::NotIp,
        Self::LaterFragment,
        Self::OverlappingFragment,
        Self::Malformed,
        Self::HiddenHeader,
        Self::TooManyTags,
        Self::TooManyHeaders,
    ];

    /// True if a receiver may make a segment to a watched port of the packet, alone or together with others.
    #[inline(always)]
    #[must_use]
    pub const fn may_carry_segment(self) -> bool {
        !matches!(self, Self::OtherPort | Self::NotTcp | Self::NotIp)
    }

    /// True if the packet may open a connection that the program does not see, and no sender needs such a
    /// packet: the TCP header is hidden, or an overlapping fragment replaces a part of it.
    #[inline(always)]
    #[must_use]
    pub const fn hides_segment(self) -> bool {
        matches!(self, Self::HiddenHeader | Self::OverlappingFragment | Self::TooManyHeaders)
    }
}
