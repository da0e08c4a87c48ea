//! Which counter slot belongs to which range, across generations. Pure.
//!
//! A range keeps its slot for as long as anybody can see its counter. A range whose geo changes is another
//! range here, so that no packet moves from one geo's total to another's. It must not give a slot away
//! before its last count was taken: [`Slots::release`] is called after that.

use std::collections::BTreeMap;

use ipnet::IpNet;

use crate::ranges::{Geo, Range};

/// A range as its counter sees it.
pub type Owner = (IpNet, Geo);

/// The slots and their owners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slots {
    capacity: u32,
    owners: BTreeMap<Owner, u32>,
    /// Slots that had an owner, the longest free one first.
    free: Vec<u32>,
    /// The first slot that never had one.
    next: u32,
}

/// No slot is left for a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no counter slot is left of {capacity}; raise --max-ranges")]
pub struct SlotsFull {
    /// How many there are.
    pub capacity: u32,
}

impl Slots {
    /// All slots free.
    #[must_use]
    pub fn new(capacity: u32) -> Self {
        Self { capacity, owners: BTreeMap::new(), free: Vec::new(), next: 0 }
    }

    /// The slot of each range, in their order: its own where it has one, else a free one.
    ///
    /// # Errors
    /// [`SlotsFull`]; nothing is changed then.
    pub fn assign(&mut self, ranges: &[Range]) -> Result<Vec<u32>, SlotsFull> {
        let mut slots = self.clone();
        let assigned = ranges.iter().map(|range| slots.slot_of(range)).collect::<Result<_, _>>()?;
        *self = slots;
        Ok(assigned)
    }

    /// The owners that are not among `ranges`, with their slots: those whose last count is to be taken.
    #[must_use]
    pub fn leaving(&self, ranges: &[Range]) -> Vec<(Owner, u32)> {
        let staying: std::collections::BTreeSet<Owner> = ranges.iter().map(owner).collect();
        self.owners
            .iter()
            .filter(|(owner, _)| !staying.contains(owner))
            .map(|(owner, slot)| (*owner, *slot))
            .collect()
    }

    /// Frees an owner's slot.
    pub fn release(&mut self, owner: &Owner) {
        self.free.extend(self.owners.remove(owner));
    }

    fn slot_of(&mut self, range: &Range) -> Result<u32, SlotsFull> {
        let owner = owner(range);
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

fn owner(range: &Range) -> Owner {
    (range.prefix, range.geo)
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
        assert_eq!(slots.assign(&[a.clone(), b.clone()]).unwrap(), [0, 1]);
        assert_eq!(slots.assign(&[c, b, a]).unwrap(), [2, 1, 0]);
    }

    #[test]
    fn another_geo_is_another_slot() {
        let mut slots = Slots::new(8);
        slots.assign(&[range("192.0.2.0/24", "NAM")]).unwrap();
        let moved = [range("192.0.2.0/24", "EUR")];
        assert_eq!(slots.assign(&moved).unwrap(), [1]);
        assert_eq!(slots.leaving(&moved).len(), 1);
    }

    #[test]
    fn a_slot_is_given_again_only_after_its_release_and_after_all_unused_ones() {
        let mut slots = Slots::new(2);
        let (a, b, c) =
            (range("11.0.0.0/24", "NAM"), range("11.0.1.0/24", "NAM"), range("11.0.2.0/24", "NAM"));
        slots.assign(std::slice::from_ref(&a)).unwrap();
        let leaving = slots.leaving(&[]);
        assert_eq!(leaving, [((a.prefix, a.geo), 0)]);
        slots.release(&leaving[0].0);
        assert_eq!(slots.assign(std::slice::from_ref(&b)).unwrap(), [1]);
        let before = slots.clone();
        assert_eq!(slots.assign(&[a.clone(), b.clone(), c.clone()]), Err(SlotsFull { capacity: 2 }));
        assert_eq!(slots, before);
        assert_eq!(slots.assign(&[b, c]).unwrap(), [1, 0]);
    }
}
