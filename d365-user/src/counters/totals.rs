//! Computes the counts of ranges, geos and classes from the readings of the kernel's counters. Pure.
//!
//! The kernel never resets a counter, and a counter's map ends with the kernel object. So this type keeps
//! three values: each slot's reading when its owner got it (the baseline), the owner's count before that
//! ([`Row::previous`]), and the counts that former owners left to their geo. No total falls, whatever is
//! published and however often the daemon starts, as long as every last reading is entered
//! ([`CounterTotals::close`], [`CounterTotals::finalize`]). A row is an interface, as in the kernel's maps.

use std::collections::BTreeMap;

use super::CounterSample;
use crate::{generation::CounterKey, geo::Geo, snapshot::Count};

/// The counts of one interface to which the readings of its counters are added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// The interface's name.
    pub name: String,
    /// The count of each owner before its slot's baseline.
    pub previous: BTreeMap<CounterKey, Count>,
    /// The counts of former owners, by geo and by true if retired.
    pub retired_totals: BTreeMap<(Geo, bool), Count>,
    /// The count of unlisted sources before this kernel object.
    pub unlisted: Count,
    /// The count of each other class and each action before this kernel object, by name.
    pub other: BTreeMap<String, u64>,
}

/// The counts and baselines of all rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CounterTotals {
    rows: Vec<Row>,
    baselines: BTreeMap<(usize, u32), Count>,
    /// Interfaces that are not watched now.
    others: Vec<Row>,
}

impl CounterTotals {
    /// Totals for rows of these names. It continues from the counts in `before`.
    #[must_use]
    pub fn new(names: &[String], mut before: Vec<Row>) -> Self {
        let mut row = |name: &String| {
            let known = before.iter().position(|row| row.name == *name);
            known.map_or_else(|| Row { name: name.clone(), ..Row::default() }, |at| before.swap_remove(at))
        };
        let rows = names.iter().map(&mut row).collect();
        Self { rows, baselines: BTreeMap::new(), others: before }
    }

    /// The count of `owner` in `row` when its `slot` reads `read`.
    #[must_use]
    pub fn count(&self, row: usize, owner: &CounterKey, slot: u32, read: Count) -> Count {
        let mut count =
            self.rows.get(row).and_then(|row| row.previous.get(owner)).copied().unwrap_or_default();
        count += less(read, self.baselines.get(&(row, slot)).copied().unwrap_or_default());
        count
    }

    /// The count of unlisted sources in `row` when the counter reads `read`.
    #[must_use]
    pub fn unlisted(&self, row: usize, read: Count) -> Count {
        let mut count = self.rows.get(row).map(|row| row.unlisted).unwrap_or_default();
        count += read;
        count
    }

    /// The packets of another class or with an action in `row` when the counter reads `read`.
    #[must_use]
    pub fn other(&self, row: usize, class: &str, read: u64) -> u64 {
        let before = self.rows.get(row).and_then(|row| row.other.get(class)).copied().unwrap_or_default();
        before.saturating_add(read)
    }

    /// Closes `slot` in `row`: the owner's geo gets the owner's count, and the last reading becomes the next
    /// owner's baseline.
    pub fn close(&mut self, row: usize, owner: &CounterKey, slot: u32, last: Count) {
        let count = self.count(row, owner, slot, last);
        self.baselines.insert((row, slot), last);
        if let Some(row) = self.rows.get_mut(row) {
            row.leave(owner, count);
        }
    }

    /// Moves the counts of former owners, those for which `owners` returns false, to their geos.
    pub fn forget_all_but(&mut self, owners: impl Fn(&CounterKey) -> bool) {
        for row in &mut self.rows {
            let gone: Vec<_> =
                row.previous.iter().filter(|(owner, _)| !owners(owner)).map(|(o, c)| (*o, *c)).collect();
            gone.iter().for_each(|(owner, count)| row.leave(owner, *count));
        }
    }

    /// The counts that former owners left to their geos in `row`, either of the retired ranges or of the
    /// others.
    pub fn retired_totals(&self, row: usize, retired: bool) -> impl Iterator<Item = (Geo, Count)> {
        let retired_totals = self.rows.get(row).into_iter().flat_map(|row| &row.retired_totals);
        retired_totals.filter(move |((_, own), _)| *own == retired).map(|((geo, _), count)| (*geo, *count))
    }

    /// All rows after the kernel's counters end: every count is in them, and every baseline starts at zero
    /// again. `readings` are the last readings of `owners`, by row.
    #[must_use]
    pub fn finalize(&self, owners: &[(CounterKey, u32)], readings: &[CounterSample]) -> Vec<Row> {
        let mut rows = self.rows.clone();
        for (at, (row, reading)) in rows.iter_mut().zip(readings).enumerate() {
            for ((owner, slot), read) in owners.iter().zip(&reading.owners) {
                row.previous.insert(*owner, self.count(at, owner, *slot, *read));
            }
            row.unlisted = self.unlisted(at, reading.unlisted);
            for (class, read) in &reading.other {
                row.other.insert((*class).to_owned(), self.other(at, class, *read));
            }
        }
        rows.extend(self.others.iter().cloned());
        rows
    }

    /// All rows, as they were before the kernel's counters began.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().chain(&self.others)
    }

    /// The baselines: row, slot, and the slot's reading when its present owner got it. The baseline of all
    /// other slots is zero.
    pub fn baselines(&self) -> impl Iterator<Item = (usize, u32, Count)> {
        self.baselines.iter().map(|((row, slot), count)| (*row, *slot, *count))
    }

    /// These totals with the given baselines.
    #[must_use]
    pub fn with_baselines(mut self, baselines: impl IntoIterator<Item = (usize, u32, Count)>) -> Self {
        self.baselines = baselines.into_iter().map(|(row, slot, count)| ((row, slot), count)).collect();
        self
    }
}

impl Row {
    fn leave(&mut self, owner: &CounterKey, count: Count) {
        self.previous.remove(owner);
        *self.retired_totals.entry((owner.geo, owner.retired)).or_default() += count;
    }
}

fn less(read: Count, baselines: Count) -> Count {
    Count {
        packets: read.packets.saturating_sub(baselines.packets),
        bytes: read.bytes.saturating_sub(baselines.bytes),
        connections: read.connections.saturating_sub(baselines.connections),
    }
}

#[cfg(test)]
mod tests;
