//! From what the kernel's counters read to what ranges, geos and classes have counted. Pure.
//!
//! The kernel never sets a counter back, and a counter's map ends with the kernel object: the ledger keeps what each slot
//! read when it was given to its owner, what an owner had counted before ([`Row::kept`]), and what owners that are gone
//! have left to their geo. No total falls, whatever is published and however often the daemon starts, as long as every
//! last reading is entered ([`Ledger::close`], [`Ledger::settle`]). Rows are the interfaces', as the kernel counts them.

use std::collections::BTreeMap;

use crate::{generation::Owner, ranges::Geo, snapshot::Count};

/// What one interface's counters are added to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// The interface's name.
    pub name: String,
    /// What an owner counted before its slot's count began.
    pub kept: BTreeMap<Owner, Count>,
    /// What owners that are gone have left: by geo, the retired ones apart.
    pub carried: BTreeMap<(Geo, bool), Count>,
    /// From unlisted sources, before this kernel object.
    pub unlisted: Count,
    /// Of each other class and each effect, by its name, before this kernel object.
    pub other: BTreeMap<String, u64>,
}

/// What the kernel's counters of one row read.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Of each owner's slot, in the order of the owners.
    pub owners: Vec<Count>,
    /// From unlisted sources.
    pub unlisted: Count,
    /// Of each other class and each effect, with its name.
    pub other: Vec<(&'static str, u64)>,
}

/// The ledger of all rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    rows: Vec<Row>,
    begun: BTreeMap<(usize, u32), Count>,
    /// Interfaces that are not watched now.
    others: Vec<Row>,
}

impl Ledger {
    /// A ledger for rows of these names, which goes on where `before` ended.
    #[must_use]
    pub fn new(names: &[String], mut before: Vec<Row>) -> Self {
        let mut row = |name: &String| {
            let known = before.iter().position(|row| row.name == *name);
            known.map_or_else(|| Row { name: name.clone(), ..Row::default() }, |at| before.swap_remove(at))
        };
        let rows = names.iter().map(&mut row).collect();
        Self { rows, begun: BTreeMap::new(), others: before }
    }

    /// What `owner` has counted in `row`, where its `slot` reads `read`.
    #[must_use]
    pub fn count(&self, row: usize, owner: &Owner, slot: u32, read: Count) -> Count {
        let mut count = self.rows.get(row).and_then(|row| row.kept.get(owner)).copied().unwrap_or_default();
        count += less(read, self.begun.get(&(row, slot)).copied().unwrap_or_default());
        count
    }

    /// What unlisted sources have sent in `row`, where the counter reads `read`.
    #[must_use]
    pub fn unlisted(&self, row: usize, read: Count) -> Count {
        let mut count = self.rows.get(row).map(|row| row.unlisted).unwrap_or_default();
        count += read;
        count
    }

    /// How many packets of another class, or with an effect, there were in `row`, where the counter reads `read`.
    #[must_use]
    pub fn other(&self, row: usize, class: &str, read: u64) -> u64 {
        let before = self.rows.get(row).and_then(|row| row.other.get(class)).copied().unwrap_or_default();
        before.saturating_add(read)
    }

    /// Closes `slot` in `row` for good: what its owner has counted goes to the owner's geo, and the next owner begins at
    /// its last reading.
    pub fn close(&mut self, row: usize, owner: &Owner, slot: u32, last: Count) {
        let count = self.count(row, owner, slot, last);
        self.begun.insert((row, slot), last);
        if let Some(row) = self.rows.get_mut(row) {
            row.leave(owner, count);
        }
    }

    /// Has owners that were known before and are not among `owners` leave what they counted to their geos.
    pub fn forget_all_but(&mut self, owners: impl Fn(&Owner) -> bool) {
        for row in &mut self.rows {
            let gone: Vec<_> =
                row.kept.iter().filter(|(owner, _)| !owners(owner)).map(|(o, c)| (*o, *c)).collect();
            gone.iter().for_each(|(owner, count)| row.leave(owner, *count));
        }
    }

    /// What ranges that are gone have left to their geos in `row`, the retired ones apart.
    pub fn carried(&self, row: usize, retired: bool) -> impl Iterator<Item = (Geo, Count)> {
        let carried = self.rows.get(row).into_iter().flat_map(|row| &row.carried);
        carried.filter(move |((_, own), _)| *own == retired).map(|((geo, _), count)| (*geo, *count))
    }

    /// All rows as they are once the kernel's counters are gone: every count is kept, and every slot begins anew.
    /// `readings` are the last ones, by row, of `owners`.
    #[must_use]
    pub fn settle(&self, owners: &[(Owner, u32)], readings: &[Reading]) -> Vec<Row> {
        let mut rows = self.rows.clone();
        for (at, (row, reading)) in rows.iter_mut().zip(readings).enumerate() {
            for ((owner, slot), read) in owners.iter().zip(&reading.owners) {
                row.kept.insert(*owner, self.count(at, owner, *slot, *read));
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

    /// What slots read when they were given to their present owners: row, slot, reading. The others began at zero.
    pub fn begun(&self) -> impl Iterator<Item = (usize, u32, Count)> {
        self.begun.iter().map(|((row, slot), count)| (*row, *slot, *count))
    }

    /// The same ledger with these beginnings.
    #[must_use]
    pub fn with_begun(mut self, begun: impl IntoIterator<Item = (usize, u32, Count)>) -> Self {
        self.begun = begun.into_iter().map(|(row, slot, count)| ((row, slot), count)).collect();
        self
    }
}

impl Row {
    fn leave(&mut self, owner: &Owner, count: Count) {
        self.kept.remove(owner);
        *self.carried.entry((owner.geo, owner.retired)).or_default() += count;
    }
}

fn less(read: Count, begun: Count) -> Count {
    Count {
        packets: read.packets.saturating_sub(begun.packets),
        bytes: read.bytes.saturating_sub(begun.bytes),
        connections: read.connections.saturating_sub(begun.connections),
    }
}

#[cfg(test)]
mod tests;
