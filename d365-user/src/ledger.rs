//! From what a slot's counter reads to what its range and its geo have counted. Pure.
//!
//! The kernel never sets a counter back, so a slot that is given to another range starts with somebody else's
//! count: the ledger keeps what each slot read when it was given, and adds what a range counted to its geo when it
//! goes. A geo's total therefore never falls. Rows are the interfaces', as the kernel counts them.

use std::collections::BTreeMap;

use crate::{ranges::Geo, snapshot::Count};

/// Where every slot's count began, and what ranges that are gone have left to their geos.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    begun: BTreeMap<(usize, u32), Count>,
    carried: BTreeMap<(usize, Geo), Count>,
}

impl Ledger {
    /// What the present owner of `slot` has counted in `row`, where the slot reads `read`.
    #[must_use]
    pub fn count(&self, row: usize, slot: u32, read: Count) -> Count {
        let begun = self.begun.get(&(row, slot)).copied().unwrap_or_default();
        Count {
            packets: read.packets.saturating_sub(begun.packets),
            bytes: read.bytes.saturating_sub(begun.bytes),
            connections: read.connections.saturating_sub(begun.connections),
        }
    }

    /// Closes `slot` in `row` for good: its last reading goes to its owner's geo, and the next owner begins there.
    pub fn close(&mut self, row: usize, slot: u32, geo: Geo, last: Count) {
        let count = self.count(row, slot, last);
        *self.carried.entry((row, geo)).or_default() += count;
        self.begun.insert((row, slot), last);
    }

    /// What ranges that are gone have left to their geos in `row`.
    pub fn carried(&self, row: usize) -> impl Iterator<Item = (Geo, Count)> {
        self.carried.iter().filter(move |((own, _), _)| *own == row).map(|((_, geo), count)| (*geo, *count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(packets: u64) -> Count {
        Count { packets, bytes: packets * 60, connections: packets / 3 }
    }

    #[test]
    fn a_slot_given_again_starts_at_zero_and_the_geo_keeps_what_was() {
        let mut ledger = Ledger::default();
        let geo = Geo::UNKNOWN;
        assert_eq!(ledger.count(0, 5, count(30)), count(30));
        ledger.close(0, 5, geo, count(30));
        assert_eq!(ledger.count(0, 5, count(30)), Count::default());
        assert_eq!(ledger.count(0, 5, count(36)), count(6));
        assert_eq!(ledger.count(1, 5, count(30)), count(30), "another interface's");
        ledger.close(0, 5, geo, count(36));
        assert_eq!(ledger.carried(0).collect::<Vec<_>>(), [(geo, count(36))]);
        assert_eq!(ledger.carried(1).count(), 0);
    }
}
