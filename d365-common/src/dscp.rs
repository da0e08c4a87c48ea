//! The differentiated services code point (RFC 2474) as a tag, and how a header is rewritten.
//!
//! It computes bytes; who reads and writes a packet is another's. The two bits of ECN (RFC 3168) are never touched.

/// A code point that is a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dscp(u8);

impl Dscp {
    /// CS1, RFC 2474 section 4.2.2.
    pub const DEFAULT: Self = Self(8);

    /// `None` unless it is from 1 to 63: 0 is what packets without a tag bear.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number == 0 || number > 63 { None } else { Some(Self(number)) }
    }

    /// Its number, 1 to 63.
    #[inline(always)]
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// The first 16 bits of an IPv4 header (version, header length, DSCP, ECN; RFC 791 and RFC 3168) with another code point.
#[inline(always)]
#[must_use]
pub const fn in_ipv4(first: [u8; 2], dscp: u8) -> [u8; 2] {
    [first[0], dscp << 2 | first[1] & 3]
}

/// The code point of an IPv4 header's first 16 bits.
#[inline(always)]
#[must_use]
pub const fn of_ipv4(first: [u8; 2]) -> u8 {
    first[1] >> 2
}

/// The first 16 bits of an IPv6 header (version, DSCP, ECN, and the upper bits of the flow label; RFC 8200) with another code
/// point.
#[inline(always)]
#[must_use]
pub const fn in_ipv6(first: [u8; 2], dscp: u8) -> [u8; 2] {
    [first[0] & 0xf0 | dscp >> 2, dscp << 6 | first[1] & 0x3f]
}

/// The code point of an IPv6 header's first 16 bits.
#[inline(always)]
#[must_use]
pub const fn of_ipv6(first: [u8; 2]) -> u8 {
    (first[0] & 0x0f) << 2 | first[1] >> 6
}

/// The checksum (one's complement, big-endian) of a header in which one aligned 16-bit word was `old` and is `new` now: RFC
/// 1624, equation 3. A checksum that was right stays right, and one that was wrong stays wrong.
#[inline(always)]
#[must_use]
pub const fn checksum(checksum: [u8; 2], old: [u8; 2], new: [u8; 2]) -> [u8; 2] {
    let sum = !u16::from_be_bytes(checksum) as u32
        + !u16::from_be_bytes(old) as u32
        + u16::from_be_bytes(new) as u32;
    // Two carries at most: three words of 16 bits.
    let sum = (sum & 0xffff) + (sum >> 16);
    let [_, _, high, low] = (!((sum & 0xffff) + (sum >> 16))).to_be_bytes();
    [high, low]
}
