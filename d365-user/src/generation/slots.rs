//! Assigns counter slots to ranges, across generations. Pure.
//!
//! A range keeps its slot for as long as anybody can see its counter. If its geo changes or it is retired,
//! the range counts as another owner, so that no packet moves from one total to another. A slot must not get
//! a new owner before its last count was read: the caller calls [`Slots::release`] only after that.

use std::collections::{BTreeMap, BTreeSet};

use d365_common::entry::MAX_SLOTS;
use ipnet::IpNet;

use crate::ranges::{Geo, Range};

/// The number of slots that a kernel object gets for lists of at most `max_ranges`. Some are spare: a range
/// whose geo changes, or that is retired, needs a new slot while it still has the old one. At the highest
/// `max_ranges` there are no spare slots, because there are no more slots than [`MAX_SLOTS`].
#[must_use]
pub const fn slots_for(max_ranges: u32) -> u32 {
    let spare = if max_ranges / 8 > LEAST_SPARE { max_ranges / 8 } else { LEAST_SPARE };
    let slots = max_ranges.saturating_add(spare);
    if slots < MAX_SLOTS { slots } else { MAX_SLOTS }
}

/// Lowest number of spare slots.
const LEAST_SPARE: u32 = 64;

/// The key of a counter: a range with one geo, listed or retired. It owns the slot in which it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CounterKey {
    /// The prefix.
    pub prefix: IpNet,
    /// The geo.
    pub geo: Geo,
    /// True if it has left the list.
    pub retired: bool,
}

impl CounterKey {
    /// The key of a range that has left the list.
    #[must_use]
    pub fn retired(range: &Range) -> Self {
        Self { retired: true, ..Self::from(range) }
    }
}

/// The key of a listed range.
impl From<&Range> for CounterKey {
    fn from(range: &Range) -> Self {
        Self { prefix: range.prefix, geo: range.geo, retired: false }
    }
}

/// The slots and their owners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slots {
    capacity: u32,
    owners: BTreeMap<CounterKey, u32>,
    /// Slots that had an owner; the one freed first comes first.
    free: Vec<u32>,
    /// The first slot that never had an owner.
    next: u32,
}

/// No slot is left for a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no counter slot is left of {capacity}; raise --max-ranges")]
pub struct SlotsFull {
    /// Number of slots.
    pub capacity: u32,
}

impl Slots {
    /// A kernel object's slots, all free.
    #[must_use]
    pub fn new(capacity: u32) -> Self {
        Self { capacity, owners: BTreeMap::new(), free: Vec::new(), next: 0 }
    }

    /// The slot of each owner, in the order of the owners. An owner keeps its slot; one without a slot gets a
    /// free one.
    ///
    /// # Errors
    /// [`SlotsFull`]; nothing is changed then.
    pub fn assign<O: Into<CounterKey>>(
        &mut self,
        owners: impl IntoIterator<Item = O>,
    ) -> Result<Vec<u32>, SlotsFull> {
        let mut slots = self.clone();
        let assigned =
            owners.into_iter().map(|owner| slots.slot_of(owner.into())).collect::<Result<_, _>>()?;
        *self = slots;
        Ok(assigned)
    }

    /// The owners that are not among `staying`, with their slots: their last counts must be read.
    #[must_use]
    pub fn leaving<O: Into<CounterKey>>(
        &self,
        staying: impl IntoIterator<Item = O>,
    ) -> Vec<(CounterKey, u32)> {
        let staying: BTreeSet<CounterKey> = staying.into_iter().map(Into::into).collect();
        self.owners().filter(|(owner, _)| !staying.contains(owner)).collect()
    }

    /// The number of free slots.
    #[must_use]
    pub fn free(&self) -> usize {
        (self.capacity as usize).saturating_sub(self.owners.len())
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

    /// Frees an owner's slot.
    pub fn release(&mut self, owner: &CounterKey) {
        self.free.extend(self.owners.remove(owner));
    }

    fn slot_of(&mut self, owner: CounterKey) -> Result<u32, SlotsFull> {
        if let Some(slot) = self.owners.get(&owner) {
            return Ok(*slot);
        }
        let slot = if self.next < self.capacity {
            self.next += 1;
            self.next - 1
        } else if self.free.is_empty() {
            return Err(SlotsFull { capacity: self.capacity });
        } else {
            self.free.remove(0)
        };
        self.owners.insert(owner, slot);
        Ok(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranges::{GeoCode, GeoSource};

    fn range(prefix: &str, geo: &str) -> Range {
        let geo = Geo { code: GeoCode::new(geo).unwrap(), source: GeoSource::Configured };
        Range { prefix: prefix.parse().unwrap(), geo, region: None }
    }

    #[test]
    fn a_range_keeps_its_slot_wherever_it_stands() {
        let mut slots = Slots::new(8);
        let (a, b, c) =
            (range("192.0.2.0/24", "NAM"), range("2001:db8::/32", "EUR"), range("11.0.0.0/8", "EUR"));
        assert_eq!(slots.assign([&a, &b]).unwrap(), [0, 1]);
        assert_eq!(slots.assign([&c, &b, &a]).unwrap(), [2, 1, 0]);
    }

    #[test]
    fn some_slots_are_spare() {
        for (ranges, slots) in [(1, 65), (40, 104), (512, 576), (4096, 4608), (233_016, 262_143)] {
            assert_eq!(slots_for(ranges), slots, "{ranges}");
        }
        assert_eq!([250_000, 262_144].map(slots_for), [MAX_SLOTS; 2]);
    }

    #[test]
    fn another_geo_is_another_slot() {
        let mut slots = Slots::new(8);
        slots.assign([&range("192.0.2.0/24", "NAM")]).unwrap();
        let moved = [range("192.0.2.0/24", "EUR")];
        assert_eq!(slots.assign(&moved).unwrap(), [1]);
        assert_eq!(slots.leaving(&moved).len(), 1);
        assert_eq!(slots.assign([CounterKey::retired(&moved[0])]).unwrap(), [2]);
    }

    #[test]
    fn a_slot_is_given_again_only_after_its_release_and_after_all_unused_ones() {
        let mut slots = Slots::new(2);
        let (a, b, c) =
            (range("11.0.0.0/24", "NAM"), range("11.0.1.0/24", "NAM"), range("11.0.2.0/24", "NAM"));
        slots.assign([&a]).unwrap();
        let leaving = slots.leaving([] as [CounterKey; 0]);
        assert_eq!(leaving, [(CounterKey::from(&a), 0)]);
        slots.release(&leaving[0].0);
        assert_eq!(slots.assign([&b]).unwrap(), [1]);
        let before = slots.clone();
        assert_eq!(slots.assign([&a, &b, &c]), Err(SlotsFull { capacity: 2 }));
        assert_eq!(slots, before);
        assert_eq!(slots.assign([&b, &c]).unwrap(), [1, 0]);
    }
}
