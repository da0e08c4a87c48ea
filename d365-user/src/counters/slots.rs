//! Assigns counter slots to ranges, across generations and daemons. Pure.
//!
//! A range keeps its slot, also when it is gone, until [`Slots::release`]. If its geo changes or it is
//! retired, the range counts as another owner, so that no packet moves from one total to another.

use std::collections::{BTreeMap, BTreeSet};

use d365_common::entry::MAX_SLOTS;

use crate::generation::CounterKey;

/// Slots for ranges that are gone, one for each geo and state.
const SPARE: u32 = 64;

/// The number of slots that a kernel object gets for lists of at most `max_ranges`: for two lists, and some
/// for ranges that are gone.
#[must_use]
pub const fn slots_for(max_ranges: u32) -> u32 {
    let slots = max_ranges.saturating_mul(2).saturating_add(SPARE);
    if slots < MAX_SLOTS { slots } else { MAX_SLOTS }
}

/// The slots and their owners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slots {
    capacity: u32,
    owners: BTreeMap<CounterKey, u32>,
    free: BTreeSet<u32>,
}

/// No slot is left for a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no counter slot is left of {capacity}; raise --max-ranges")]
pub struct SlotsFull {
    /// Number of slots.
    pub capacity: u32,
}

impl Slots {
    /// The slots of a kernel object with these owners.
    #[must_use]
    pub fn new(capacity: u32, owners: impl IntoIterator<Item = (CounterKey, u32)>) -> Self {
        let mut slots = Self { capacity, owners: BTreeMap::new(), free: (0..capacity).collect() };
        owners.into_iter().for_each(|(owner, slot)| slots.give(slot, owner));
        slots
    }

    /// The number of slots.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    /// The slot of each owner, in the order of the owners, each named once. An owner keeps its slot. One
    /// without a slot would get the next free one; [`Slots::give`] gives it.
    pub fn assign<O: Into<CounterKey>>(
        &self,
        owners: impl IntoIterator<Item = O>,
    ) -> Result<Vec<u32>, SlotsFull> {
        let mut free = self.free.iter().copied();
        let mut slot = |owner| self.slot(&owner).or_else(|| free.next());
        let full = SlotsFull { capacity: self.capacity };
        owners.into_iter().map(|owner| slot(owner.into()).ok_or(full)).collect()
    }

    /// Gives a free slot to an owner.
    pub fn give(&mut self, slot: u32, owner: CounterKey) {
        self.free.remove(&slot);
        self.owners.insert(owner, slot);
    }

    /// The number of free slots.
    #[must_use]
    pub fn free(&self) -> usize {
        self.free.len()
    }

    /// The owner's slot, if it has one.
    #[must_use]
    pub fn slot(&self, owner: &CounterKey) -> Option<u32> {
        self.owners.get(owner).copied()
    }

    /// Returns true if the owner has a slot.
    #[must_use]
    pub fn has(&self, owner: &CounterKey) -> bool {
        self.owners.contains_key(owner)
    }

    /// Every owner with its slot.
    pub fn owners(&self) -> impl Iterator<Item = (CounterKey, u32)> {
        self.owners.iter().map(|(owner, slot)| (*owner, *slot))
    }

    /// Gives an owner's slot to another owner.
    pub fn rename(&mut self, owner: &CounterKey, new: CounterKey) {
        if let Some(slot) = self.owners.remove(owner) {
            self.owners.insert(new, slot);
        }
    }

    /// Frees an owner's slot. Its counters must be zero by now.
    pub fn release(&mut self, owner: &CounterKey) {
        self.free.extend(self.owners.remove(owner));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        geo::{Geo, GeoCode, GeoSource},
        ranges::{Policy, Range},
    };

    fn range(prefix: &str, geo: &str) -> Range {
        let geo = Geo { code: GeoCode::new(geo).unwrap(), source: GeoSource::Configured };
        Range { prefix: prefix.parse().unwrap(), geo, region: None }
    }

    /// Assigns slots and gives them.
    fn given<O: Into<CounterKey>>(slots: &mut Slots, owners: impl IntoIterator<Item = O>) -> Vec<u32> {
        let owners: Vec<CounterKey> = owners.into_iter().map(Into::into).collect();
        let assigned = slots.assign(owners.iter().copied()).unwrap();
        owners.into_iter().zip(&assigned).for_each(|(owner, slot)| slots.give(*slot, owner));
        assigned
    }

    #[test]
    fn a_range_keeps_its_slot_in_any_order_and_in_the_next_daemon() {
        let mut slots = Slots::new(8, []);
        let (a, b, c) =
            (range("192.0.2.0/24", "NAM"), range("2001:db8::/32", "EUR"), range("11.0.0.0/8", "EUR"));
        assert_eq!(given(&mut slots, [&a, &b]), [0, 1]);
        assert_eq!(given(&mut slots, [&c, &b, &a]), [2, 1, 0]);
        let next = Slots::new(8, slots.owners());
        assert_eq!(next, slots);
        assert_eq!(next.assign([&b, &c]).unwrap(), [1, 2]);
    }

    #[test]
    fn any_list_can_replace_any_other() {
        for (ranges, slots) in [(1, 66), (40, 144), (4096, 8256), (Policy::HIGHEST_MAX_RANGES, MAX_SLOTS)] {
            assert_eq!(slots_for(ranges), slots, "{ranges}");
        }
        assert!(slots_for(Policy::HIGHEST_MAX_RANGES) >= 2 * Policy::HIGHEST_MAX_RANGES);
    }

    #[test]
    fn another_geo_is_another_slot() {
        let mut slots = Slots::new(8, []);
        given(&mut slots, [&range("192.0.2.0/24", "NAM")]);
        let moved = [range("192.0.2.0/24", "EUR")];
        assert_eq!(given(&mut slots, &moved), [1]);
        assert_eq!(given(&mut slots, [CounterKey::retired(&moved[0])]), [2]);
    }

    #[test]
    fn a_slot_has_another_owner_only_after_its_release() {
        let mut slots = Slots::new(2, []);
        let (a, b, c) =
            (range("11.0.0.0/24", "NAM"), range("11.0.1.0/24", "NAM"), range("11.0.2.0/24", "NAM"));
        given(&mut slots, [&a, &b]);
        let before = slots.clone();
        assert_eq!(slots.assign([&b, &c]), Err(SlotsFull { capacity: 2 }));
        assert_eq!(slots, before);
        slots.release(&CounterKey::from(&a));
        assert_eq!(slots.free(), 1);
        assert_eq!(slots.assign([&b, &c]).unwrap(), [1, 0]);
    }
}
