//! The part of the set-up that the kernel program needs for every packet, in one load-time constant: each
//! constant costs a load.

use crate::names::SMTP_PORT;

/// The number of watched ports, the number of interfaces, whether the program does more than count,
/// whether it uses the tries alone, one byte each in this order from the lowest byte on; then two bytes with
/// the first watched port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Setup(u64);

#[expect(clippy::cast_possible_truncation, reason = "each part is cut out of the word")]
impl Setup {
    /// The default: port 25, one interface, counting only, with a direct table.
    pub const DEFAULT: Self = Self::new(SMTP_PORT, 1, 1, false, false);

    /// Packs the values; `port` is the first of `ports`.
    #[must_use]
    pub const fn new(port: u16, ports: u8, interfaces: u8, has_actions: bool, trie_only: bool) -> Self {
        let [low, high] = port.to_le_bytes();
        Self(u64::from_le_bytes([ports, interfaces, has_actions as u8, trie_only as u8, low, high, 0, 0]))
    }

    /// Unpacks the constant's value.
    #[inline(always)]
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The packed form, in host byte order.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The first watched port, in host byte order.
    #[inline(always)]
    #[must_use]
    pub const fn port(self) -> u16 {
        (self.0 >> 32) as u16
    }

    /// Number of watched ports.
    #[inline(always)]
    #[must_use]
    pub const fn ports(self) -> u32 {
        self.0 as u32 & 0xff
    }

    /// Number of interfaces.
    #[inline(always)]
    #[must_use]
    pub const fn interfaces(self) -> u32 {
        self.0 as u32 >> 8 & 0xff
    }

    /// True if the program may log, sample or drop a packet, or set a code point.
    #[inline(always)]
    #[must_use]
    pub const fn has_actions(self) -> bool {
        self.0 & 0xff << 16 != 0
    }

    /// True if every source is looked up in the tries, without the direct table.
    #[inline(always)]
    #[must_use]
    pub const fn is_trie_only(self) -> bool {
        self.0 & 0xff << 24 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{MAX_INTERFACES, MAX_PORTS};

    #[test]
    fn each_part_comes_back() {
        let most = (u8::try_from(MAX_PORTS).unwrap(), u8::try_from(MAX_INTERFACES).unwrap());
        for (ports, interfaces) in [(1, 1), (1, 2), (2, 1), most, (255, 255)] {
            for (has_actions, trie_only) in [(false, false), (true, false), (false, true), (true, true)] {
                let setup = Setup::new(0xfedc, ports, interfaces, has_actions, trie_only);
                let setup = Setup::from_bits(setup.bits());
                assert_eq!(setup.port(), 0xfedc);
                assert_eq!((setup.ports(), setup.interfaces()), (u32::from(ports), u32::from(interfaces)));
                assert_eq!((setup.has_actions(), setup.is_trie_only()), (has_actions, trie_only));
            }
        }
    }
}
