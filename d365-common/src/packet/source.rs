//! A packet's source address, as the kernel program moves it about. It must not ask what the address means.

use core::net::IpAddr;

/// A source address, in network byte order.
///
/// It is held by words, each as it stands in memory: bytes would be stored one by one and read again by words, for which a
/// processor has to wait. Both kinds have all four: what one kind left unset, kernels before 6.3 would see read (seen on 5.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Source {
    /// IPv4: the address, and zeros behind it.
    V4([u32; 4]),
    /// IPv6.
    V6([u32; 4]),
}

impl Source {
    /// An IPv4 address.
    #[inline(always)]
    #[must_use]
    pub const fn v4(address: [u8; 4]) -> Self {
        Self::V4([u32::from_ne_bytes(address), 0, 0, 0])
    }

    /// An IPv6 address.
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

/// An IPv6 address's bytes, out of [`Source::V6`].
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
