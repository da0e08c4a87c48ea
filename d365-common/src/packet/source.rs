//! The source address of a packet, in the form that the kernel program uses. This module must not know the
//! address's meaning.

use core::net::IpAddr;

/// A source address, in network byte order.
///
/// The address is in words, each in the byte order of the frame. The compiler would store bytes one by one
/// and load them again as words, and a processor has to wait for that. Both variants set all four words:
/// kernels before 6.3 reject a program that loads the words that one variant leaves unset (seen on 5.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Source {
    /// IPv4: the address in the first word, zeros in the others.
    V4([u32; 4]),
    /// IPv6.
    V6([u32; 4]),
}

impl Source {
    /// Makes a source of an IPv4 address.
    #[inline(always)]
    #[must_use]
    pub const fn v4(address: [u8; 4]) -> Self {
        Self::V4([u32::from_ne_bytes(address), 0, 0, 0])
    }

    /// Makes a source of an IPv6 address.
    #[inline(always)]
    #[must_use]
    pub const fn v6([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]: [u8; 16]) -> Self {
        Self::V6([
            u32::from_ne_bytes([a, b, c, d]),
            u32::from_ne_bytes([e, f, g, h]),
            u32::from_ne_bytes([i, j, k, l]),
            u32::from_ne_bytes([m, n, o, p]),
        ])
    }
}

/// The bytes of an IPv6 address, from the words of [`Source::V6`].
#[inline(always)]
#[must_use]
pub const fn bytes([first, second, third, fourth]: [u32; 4]) -> [u8; 16] {
    let ([a, b, c, d], [e, f, g, h]) = (first.to_ne_bytes(), second.to_ne_bytes());
    let ([i, j, k, l], [m, n, o, p]) = (third.to_ne_bytes(), fourth.to_ne_bytes());
    [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
}

impl From<Source> for IpAddr {
    fn from(source: Source) -> Self {
        match source {
            Source::V4([word, ..]) => Self::from(word.to_ne_bytes()),
            Source::V6(words) => Self::from(bytes(words)),
        }
    }
}
