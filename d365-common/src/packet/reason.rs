//! Why a packet is not a TCP segment to a watched port, and what such a packet may still become elsewhere. It must not decide
//! what is done to the packet.

/// Why a packet is not a TCP segment to a watched port. Finer than the classes that are counted: what may still become such a
/// segment elsewhere is told apart from what cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Reason {
    /// TCP to a port that is not watched.
    OtherPort,
    /// IP, and the upper layer is certainly not TCP.
    NotTcp,
    /// IP, and TCP may follow a header that is not looked through (authentication, ESP, mobility, HIP, shim6, experiments), or
    /// a later IPv6 fragment whose next header is not TCP: the receiver goes by the first fragment's (RFC 8200 section 4.5).
    Opaque,
    /// Neither IPv4 nor IPv6.
    NotIp,
    /// A fragment of a TCP segment behind its first: it has no ports.
    LaterFragment,
    /// A later IPv4 fragment that starts 8 bytes into a TCP header, where only the first fragment may have bytes (RFC 3128).
    OverlappingFragment,
    /// A header is cut off, or contradicts itself or the frame's length: no receiver makes a segment of it.
    Malformed,
    /// The TCP header, or a header in front of it, is not whole in what can be read, and a receiver may have the rest: a first
    /// fragment cuts it off (RFC 1858, RFC 7112), or it lies behind the frame's first buffer.
    HiddenHeader,
    /// More VLAN tags than are looked through.
    TooManyTags,
    /// More extension headers than are looked through.
    TooManyHeaders,
}

impl Reason {
    /// All of them, each at its number.
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

    /// Whether a receiver may make a segment to a watched port of the packet, alone or with others.
    #[inline(always)]
    #[must_use]
    pub const fn may_carry_segment(self) -> bool {
        !matches!(self, Self::OtherPort | Self::NotTcp | Self::NotIp)
    }

    /// Whether the packet may open a connection unseen although no sender needs such a packet: a TCP header that is hidden, or
    /// written over by an overlapping fragment.
    #[inline(always)]
    #[must_use]
    pub const fn hides_segment(self) -> bool {
        matches!(self, Self::HiddenHeader | Self::OverlappingFragment | Self::TooManyHeaders)
    }
}
