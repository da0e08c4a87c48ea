//! The differentiated services code point (RFC 2474) as a tag, and the rewriting of a header.
//!
//! This module computes bytes and does not read or write packets. It never changes the two bits of ECN (RFC
//! 3168).

/// A code point that is used as a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dscp(u8);

impl Dscp {
    /// CS1, RFC 2474 section 4.2.2.
    pub const DEFAULT: Self = Self(8);

    /// Returns `None` if `number` is not from 1 to 63. 0 is the code point of packets without a tag.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number == 0 || number > 63 { None } else { Some(Self(number)) }
    }

    /// The code point's number, 1 to 63.
    #[inline(always)]
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// Replaces the code point in the first 16 bits of an IPv4 header (version, header length, DSCP, ECN; RFC 791
/// and RFC 3168). `first` is in network byte order.
#[inline(always)]
#[must_use]
pub const fn in_ipv4(first: [u8; 2], dscp: u8) -> [u8; 2] {
    [first[0], dscp << 2 | first[1] & 3]
}

/// The code point in an IPv4 header's first 16 bits (network byte order).
#[inline(always)]
#[must_use]
pub const fn of_ipv4(first: [u8; 2]) -> u8 {
    first[1] >> 2
}

/// Replaces the code point in the first 16 bits of an IPv6 header (version, DSCP, ECN, and the upper bits of
/// the flow label; RFC 8200). `first` is in network byte order.
#[inline(always)]
#[must_use]
pub const fn in_ipv6(first: [u8; 2], dscp: u8) -> [u8; 2] {
    [first[0] & 0xf0 | dscp >> 2, dscp << 6 | first[1] & 0x3f]
}

/// The code point in an IPv6 header's first 16 bits (network byte order).
#[inline(always)]
#[must_use]
pub const fn of_ipv6(first: [u8; 2]) -> u8 {
    (first[0] & 0x0f) << 2 | first[1] >> 6
}

/// Updates the checksum (one's complement, big-endian) of a header in which one aligned 16-bit word changes
/// from `old` to `new` (RFC 1624, equation 3). A correct checksum stays correct, and a wrong one stays wrong.
#[inline(always)]
#[must_use]
pub const fn checksum(checksum: [u8; 2], old: [u8; 2], new: [u8; 2]) -> [u8; 2] {
    let sum = !u16::from_be_bytes(checksum) as u32
        + !u16::from_be_bytes(old) as u32
        + u16::from_be_bytes(new) as u32;
    // At most two carries: the sum has three words of 16 bits.
    let sum = (sum & 0xffff) + (sum >> 16);
    let [_, _, high, low] = (!((sum & 0xffff) + (sum >> 16))).to_be_bytes();
    [high, low]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One's complement sum of words (RFC 1071).
    fn sum(words: &[[u8; 2]]) -> u16 {
        let sum: u64 = words.iter().map(|word| u64::from(u16::from_be_bytes(*word))).sum();
        let folded = (sum & 0xffff) + (sum >> 16);
        u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap()
    }

    #[test]
    fn a_checksum_stays_as_right_as_it_was() {
        let rest = [[0x12, 0x34], [0xff, 0xff], [0x00, 0x00], [0xfe, 0xdc]];
        for old in (0..=u16::MAX).step_by(7).map(u16::to_be_bytes) {
            for new in [[0x45, 0x00], [0x45, 0x20], [0xff, 0xff], [0x00, 0x00], old] {
                let whole = |word, check| sum(&[&rest[..], &[word, check]].concat());
                let right = (!sum(&[&rest[..], &[old]].concat())).to_be_bytes();
                assert_eq!(whole(new, checksum(right, old, new)), 0xffff, "{old:02x?} {new:02x?}");
                let wrong = [right[0] ^ 0x10, right[1]];
                assert_ne!(whole(new, checksum(wrong, old, new)), 0xffff, "{old:02x?} {new:02x?}");
            }
        }
    }

    #[test]
    fn only_the_code_point_changes() {
        for first in (0..=u16::MAX).map(u16::to_be_bytes) {
            for dscp in [0, 8, 21, 42, 63] {
                let (v4, v6) = (in_ipv4(first, dscp), in_ipv6(first, dscp));
                assert_eq!((of_ipv4(v4), v4[0], v4[1] & 3), (dscp, first[0], first[1] & 3));
                assert_eq!(
                    (of_ipv6(v6), v6[0] & 0xf0, v6[1] & 0x3f),
                    (dscp, first[0] & 0xf0, first[1] & 0x3f)
                );
            }
        }
    }
}
