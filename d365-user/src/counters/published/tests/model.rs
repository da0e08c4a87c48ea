//! A kernel object of plain numbers. It does not use the published state's slots.

use std::collections::BTreeMap;

use super::super::{PendingGeneration, members};
use crate::{generation::CounterKey, ranges::RangeSet, snapshot::Count};

/// Counters, the recorded owners of slots, and the owner of each slot of the published list.
#[derive(Default)]
pub(super) struct Kernel {
    pub(super) slots: BTreeMap<u32, Count>,
    pub(super) owners: BTreeMap<u32, CounterKey>,
    pub(super) published: Vec<(CounterKey, u32)>,
}

impl Kernel {
    /// Publishes by prefix, as the program looks ranges up. The owner of a prefix comes from the set, not
    /// from the published state.
    pub(super) fn publish(&mut self, set: &RangeSet, pending: &PendingGeneration) {
        let slots: BTreeMap<_, _> =
            pending.compiled.entries.iter().map(|(prefix, entry)| (*prefix, entry.slot())).collect();
        self.published = members(set).into_iter().map(|owner| (owner, slots[&owner.prefix])).collect();
    }

    /// Empties a slot, as the daemon does. Returns its owner.
    pub(super) fn empty(&mut self, slot: u32, into: Option<u32>) -> CounterKey {
        let counts = self.slots.remove(&slot).unwrap_or_default();
        if let Some(into) = into {
            *self.slots.entry(into).or_default() += counts;
        }
        self.owners.remove(&slot).unwrap()
    }
}

pub(super) fn count(packets: u64) -> Count {
    Count { packets, bytes: packets * 60, connections: packets / 2 }
}
