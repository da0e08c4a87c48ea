//! The result of a lookup: range slot, geo and lease group, packed into one `u32`.
//!
//! ```text
//!  31     29 28        27    26 25      18 17                0
//! ┌─────────┬─────────┬────────┬──────────┬───────────────────┐
//! │ group   │ retired │ kind   │ geo      │ range slot        │
//! └─────────┴─────────┴────────┴──────────┴───────────────────┘
//! ```
//! A retired range is no longer in the list but is recognised for some time: it is counted in a slot of its
//! own, and not trusted. `group` is the number of the lease of the sources that list the range
//! ([`crate::lease`]). `kind` is zero in an entry. A cell of the [direct table](crate::direct) has its kind
//! there ("page" and "ask the trie" are further kinds).

/// Number of bits in a range slot.
pub const SLOT_BITS: u32 = 18;
/// Maximum number of ranges in a generation: the numbers that [`SLOT_BITS`] bits can hold.
pub const MAX_SLOTS: u32 = 1 << SLOT_BITS;
/// Maximum number of ranges in a list: while it is published, any other list finds free slots.
pub const MOST_RANGES: u32 = MAX_SLOTS / 2;

const RETIRED: u32 = 1 << 28;
const GROUP_SHIFT: u32 = 29;

/// A range's slot (the index of its counters), its geo's number, its lease group, and whether it is retired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Entry(u32);

const _: () = assert!(size_of::<Entry>() == 4 && align_of::<Entry>() == 4);

impl Entry {
    /// Packs a slot and a geo's number; `None` if the slot is not below [`MAX_SLOTS`].
    #[must_use]
    pub const fn new(slot: u32, geo: u8) -> Option<Self> {
        if slot < MAX_SLOTS { Some(Self(((geo as u32) << SLOT_BITS) | slot)) } else { None }
    }

    /// The same range, retired.
    #[must_use]
    pub const fn retire(self) -> Self {
        Self(self.0 | RETIRED)
    }

    /// True if the range is no longer in the list.
    #[inline(always)]
    #[must_use]
    pub const fn is_retired(self) -> bool {
        self.0 & RETIRED != 0
    }

    /// The same range in a lease group. Only the three lowest bits of `group` are used.
    #[must_use]
    pub const fn in_group(self, group: u8) -> Self {
        let rest = self.0 & !(u32::MAX << GROUP_SHIFT);
        Self(rest | ((group as u32) << GROUP_SHIFT))
    }

    /// The range's lease group, below [`GROUPS`](crate::lease::GROUPS).
    #[inline(always)]
    #[must_use]
    pub const fn group(self) -> u32 {
        self.0 >> GROUP_SHIFT
    }

    /// Unpacks a trie's value.
    #[inline(always)]
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The packed form, as it is in a trie, in host byte order.
    #[inline(always)]
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The range's slot, below [`MAX_SLOTS`].
    #[inline(always)]
    #[must_use]
    pub const fn slot(self) -> u32 {
        self.0 & (MAX_SLOTS - 1)
    }

    /// The number of the range's geo.
    #[inline(always)]
    #[must_use]
    pub const fn geo(self) -> u8 {
        (self.0 >> SLOT_BITS).to_le_bytes()[0]
    }
}

// SAFETY: a transparent `u32`; every bit pattern is a value, and there is no padding.
#[cfg(feature = "user")]
unsafe impl aya::Pod for Entry {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slot_and_geo_come_back() {
        for (slot, geo) in [(0, 0), (1, 255), (MAX_SLOTS - 1, 0), (MAX_SLOTS - 1, 255), (38, 12)] {
            let entry = Entry::new(slot, geo).unwrap();
            assert_eq!((entry.slot(), entry.geo(), entry.is_retired()), (slot, geo, false));
            let retired = entry.retire();
            assert_eq!((retired.slot(), retired.geo(), retired.is_retired()), (slot, geo, true));
        }
    }

    #[test]
    fn a_group_comes_back_and_changes_nothing_else() {
        for entry in [Entry::new(0, 0).unwrap(), Entry::new(MAX_SLOTS - 1, 255).unwrap().retire()] {
            assert_eq!(entry.group(), 0);
            for group in 0..8 {
                let grouped = entry.in_group(7).in_group(group);
                assert_eq!(grouped.group(), u32::from(group));
                assert_eq!(grouped.in_group(0), entry);
            }
        }
    }

    #[test]
    fn a_slot_past_the_last_is_refused() {
        assert_eq!(Entry::new(MAX_SLOTS, 0), None);
        assert_eq!(Entry::new(u32::MAX, 0), None);
    }
}
