//! The packet mark of trusted packets: a recognisable base, and the geo's number.
//!
//! ```text
//!  31                 8 7               0
//! ┌────────────────────┬─────────────────┐
//! │ base, in the mask  │ geo's number    │
//! └────────────────────┴─────────────────┘
//! ```
//! Bits between the mask and the geo belong to others and are kept. The tc program clears a base that
//! somebody else set: see [`Mark::without`].

/// Mask of the geo's number in a mark.
pub const GEO_BITS: u32 = 0xff;

/// The base, and the mask of the bits that the base occupies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    base: u32,
    mask: u32,
}

impl Mark {
    /// `0xd3650000/0xffff0000`.
    pub const DEFAULT: Self = Self { base: 0xd365_0000, mask: 0xffff_0000 };

    /// Returns `None` unless the base is not zero and lies in the mask, and the mask leaves [`GEO_BITS`]
    /// free. Otherwise our marks could not be distinguished from others.
    #[must_use]
    pub const fn new(base: u32, mask: u32) -> Option<Self> {
        if base == 0 || base & !mask != 0 || mask & GEO_BITS != 0 { None } else { Some(Self { base, mask }) }
    }

    /// The base.
    #[inline(always)]
    #[must_use]
    pub const fn base(self) -> u32 {
        self.base
    }

    /// Mask of the bits that the base occupies.
    #[inline(always)]
    #[must_use]
    pub const fn mask(self) -> u32 {
        self.mask
    }

    /// The mark of a trusted packet whose mark was `old`.
    #[inline(always)]
    #[must_use]
    pub const fn on(self, old: u32, geo: u8) -> u32 {
        old & !(self.mask | GEO_BITS) | self.base | geo as u32
    }

    /// The mark of a packet that is not trusted and whose mark was `old`. Our base is cleared, because
    /// somebody else set it. Every other mark is kept.
    #[inline(always)]
    #[must_use]
    pub const fn without(self, old: u32) -> u32 {
        if old & self.mask == self.base { old & !(self.mask | GEO_BITS) } else { old }
    }

    /// The geo's number, if the mark has our base.
    #[must_use]
    pub const fn geo(self, mark: u32) -> Option<u8> {
        if mark & self.mask == self.base { Some(mark.to_le_bytes()[0]) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_that_cannot_be_told_from_none_is_refused() {
        assert_eq!(Mark::new(0xd365_0000, 0xffff_0000), Some(Mark::DEFAULT));
        assert_eq!(Mark::new(0, 0xffff_0000), None);
        assert_eq!(Mark::new(0, 0), None);
        assert_eq!(Mark::new(0x1_0000, 0xfffe_0000), None, "outside the mask");
        assert_eq!(Mark::new(0x100, 0x1ff), None, "the geo's bits");
        assert!(Mark::new(0x100, 0x100).is_some());
    }

    #[test]
    fn only_the_mask_and_the_geo_change() {
        for mark in
            [Mark::DEFAULT, Mark::new(0x100, 0x300).unwrap(), Mark::new(0x8000_0000, 0x8000_0000).unwrap()]
        {
            for old in [0, u32::MAX, 0x1234_5678, 0xd365_aa01] {
                for geo in [0, 1, 33, 255] {
                    let new = mark.on(old, geo);
                    let own = mark.mask() | GEO_BITS;
                    assert_eq!((new & !own, new & mark.mask()), (old & !own, mark.base()));
                    assert_eq!(mark.geo(new), Some(geo));
                    assert_eq!(mark.geo(mark.without(new)), None);
                    assert_eq!(mark.without(new) & !own, old & !own);
                }
                if mark.geo(old).is_none() {
                    assert_eq!(mark.without(old), old);
                }
            }
        }
    }
}
