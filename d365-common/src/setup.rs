//! What the kernel program asks of its set-up for every packet, in one load-time constant: each constant
//! costs a load.

/// How many ports are watched and on how many interfaces, whether anything is done besides counting, and
/// whether the tries alone are asked: a byte each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Setup(u32);

impl Setup {
    /// The default: one port, one interface, nothing but counting, and a direct table.
    pub const DEFAULT: Self = Self::new(1, 1, false, false);

    /// Packs it.
    #[must_use]
    pub const fn new(ports: u8, interfaces: u8, acts: bool, trie_only: bool) -> Self {
        Self(u32::from_le_bytes([ports, interfaces, acts as u8, trie_only as u8]))
    }

    /// Out of the constant.
    #[inline(always)]
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The packed form.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// How many ports are watched.
    #[inline(always)]
    #[must_use]
    pub const fn ports(self) -> u32 {
        self.0 & 0xff
    }

    /// How many interfaces there are.
    #[inline(always)]
    #[must_use]
    pub const fn interfaces(self) -> u32 {
        self.0 >> 8 & 0xff
    }

    /// Whether a packet may be logged, sampled, tagged or dropped.
    #[inline(always)]
    #[must_use]
    pub const fn acts(self) -> bool {
        self.0 & 0xff << 16 != 0
    }

    /// Whether the tries are asked for every source.
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
            for (acts, trie_only) in [(false, false), (true, false), (false, true), (true, true)] {
                let setup = Setup::from_bits(Setup::new(ports, interfaces, acts, trie_only).bits());
                assert_eq!((setup.ports(), setup.interfaces()), (u32::from(ports), u32::from(interfaces)));
                assert_eq!((setup.acts(), setup.is_trie_only()), (acts, trie_only));
            }
        }
    }
}
