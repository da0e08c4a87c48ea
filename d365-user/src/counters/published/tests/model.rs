//! A kernel object of plain numbers. It uses neither the published state's slots nor its totals.

use std::collections::BTreeMap;

use d365_common::classification::Class;

use super::super::PendingGeneration;
use crate::{
    counters::CounterSample, generation::CounterKey, kernel::InterfaceCounts, ranges::RangeSet,
    snapshot::Count,
};

/// Counters that only grow, and the owner of each slot of the published list.
#[derive(Default)]
pub(super) struct Kernel {
    pub(super) slots: BTreeMap<(usize, u32), Count>,
    pub(super) unlisted: BTreeMap<usize, Count>,
    pub(super) others: BTreeMap<usize, u64>,
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

    pub(super) fn ranges(&self, row: usize, slots: &[u32]) -> Vec<Count> {
        slots.iter().map(|slot| self.slots.get(&(row, *slot)).copied().unwrap_or_default()).collect()
    }

    pub(super) fn read(&self, row: usize, slots: &[u32]) -> InterfaceCounts {
        InterfaceCounts {
            ranges: self.ranges(row, slots),
            unlisted: self.unlisted.get(&row).copied().unwrap_or_default(),
            other: vec![(Class::OTHERS[0], self.others.get(&row).copied().unwrap_or_default())],
            actions: Vec::new(),
        }
    }

    pub(super) fn readings(&self, rows: usize, owners: &[(CounterKey, u32)]) -> Vec<CounterSample> {
        let slots: Vec<u32> = owners.iter().map(|(_, slot)| *slot).collect();
        (0..rows).map(|row| CounterSample::from(self.read(row, &slots))).collect()
    }
}

pub(super) fn members(set: &RangeSet) -> Vec<CounterKey> {
    set.ranges().iter().map(CounterKey::from).chain(set.retired().iter().map(CounterKey::retired)).collect()
}

pub(super) fn count(packets: u64) -> Count {
    Count { packets, bytes: packets * 60, connections: packets / 2 }
}
