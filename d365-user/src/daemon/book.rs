//! The book of the published generation: its ranges, the slot of each range, and the ledger of all slots.
//! Plain data.

use std::collections::BTreeSet;

use crate::{
    generation::{CompileError, Compiled, CounterKey, Groups, Slots, SlotsFull, compile},
    ledger::{Ledger, Reading, Row},
    ranges::{Geo, RangeSet, SourceSet},
    snapshot::{Count, Generation, UNKNOWN_INTERFACE},
    state::counters::Stored,
};

mod steps;

pub(super) use steps::Towards;

/// The published generation, and the counts of ranges that are gone.
pub(super) struct Book {
    generation: Generation,
    /// Owners of the listed ranges, then of the retired ranges, then of ranges that are gone and whose last
    /// count could not be read.
    members: Vec<CounterKey>,
    slots: Vec<u32>,
    owners: Slots,
    /// The sources of the listed ranges, then those of the retired ones.
    sources: Vec<SourceSet>,
    groups: Groups,
    ledger: Ledger,
    capacity: u32,
}

/// A generation to be published: the kernel's input, and the contents of the book after publication.
pub(super) struct Draft {
    pub(super) compiled: Compiled,
    generation: Generation,
    members: Vec<CounterKey>,
    slots: Vec<u32>,
    owners: Slots,
    sources: Vec<SourceSet>,
    /// They include those of the published generation.
    groups: Groups,
}

/// An error that prevents a draft.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// There are more ranges than counter slots.
    #[error(transparent)]
    Slots(#[from] SlotsFull),
    /// The kernel object does not have a slot.
    #[error(transparent)]
    Compile(#[from] CompileError),
}

impl Draft {
    /// Every owner of a slot once this draft is published, including those that leave.
    pub(super) fn owners(&self) -> Vec<(CounterKey, u32)> {
        self.owners.owners().collect()
    }

    /// The lease groups of the published generation and of this one.
    pub(super) fn groups(&self) -> &Groups {
        &self.groups
    }
}

impl Book {
    /// Makes a book without a published generation. `rows` are the names of the kernel's rows, `before` holds
    /// the counts of earlier daemons.
    pub(super) fn new(capacity: u32, rows: &[String], before: Vec<Row>) -> Self {
        Self {
            generation: Generation::default(),
            members: Vec::new(),
            slots: Vec::new(),
            owners: Slots::new(capacity),
            sources: Vec::new(),
            groups: Groups::default(),
            ledger: Ledger::new(rows, before),
            capacity,
        }
    }

    /// Shows the ranges of a draft that will be published, with the counts of earlier daemons.
    pub(super) fn announce(&mut self, draft: &Draft) {
        self.generation = Generation { number: 0, ..draft.generation.clone() };
        self.members.clone_from(&draft.members);
        let known: BTreeSet<CounterKey> = draft.members.iter().copied().collect();
        self.ledger.forget_all_but(|owner| known.contains(owner));
    }

    /// Makes a draft of the next generation. The book does not change.
    pub(super) fn draft(&self, set: &RangeSet) -> Result<Draft, DraftError> {
        let mut owners = self.owners.clone();
        let listed = set.ranges().iter().map(CounterKey::from);
        let members: Vec<CounterKey> = listed.chain(set.retired().iter().map(CounterKey::retired)).collect();
        let slots = owners.assign(members.iter().copied())?;
        let sources = [set.listed_by(), set.retired_by()].concat();
        let groups = self.groups.extended(sources.iter().copied());
        let numbers = sources.iter().map(|sources| groups.number(*sources));
        let compiled = compile(members.iter().copied(), &slots, self.capacity)?.grouped(numbers);
        let (source, change_number) = origin(set);
        let generation = Generation {
            number: self.generation.number + 1,
            source,
            change_number,
            digest: set.digest(),
            ranges: set.ranges().to_vec(),
            retired: set.retired().to_vec(),
        };
        Ok(Draft { compiled, generation, members, slots, owners, sources, groups })
    }

    /// Records that the draft is published. Ranges that are gone leave their counts to their geos. `read`
    /// returns the last values of slots, by row; no packet is counted in them any more.
    pub(super) fn enter<E>(
        &mut self,
        mut draft: Draft,
        read: impl FnOnce(&[u32]) -> Result<Vec<Vec<Count>>, E>,
    ) -> Result<(), E> {
        let leaving = draft.owners.leaving(draft.members.iter().copied());
        let slots: Vec<u32> = leaving.iter().map(|(_, slot)| *slot).collect();
        let rows = read(&slots);
        // Counts that cannot be read stay in their slots, and these slots stay in use.
        for (row, counts) in rows.as_ref().into_iter().flatten().enumerate() {
            for ((owner, slot), last) in leaving.iter().zip(counts) {
                self.ledger.close(row, owner, *slot, *last);
            }
        }
        for (owner, slot) in leaving {
            if rows.is_ok() {
                draft.owners.release(&owner);
            } else {
                draft.members.push(owner);
                draft.slots.push(slot);
            }
        }
        let known: BTreeSet<CounterKey> = draft.owners.owners().map(|(owner, _)| owner).collect();
        self.ledger.forget_all_but(|owner| known.contains(owner));
        (self.generation, self.members) = (draft.generation, draft.members);
        (self.slots, self.owners) = (draft.slots, draft.owners);
        draft.groups.retain(&draft.sources.iter().copied().collect());
        (self.sources, self.groups) = (draft.sources, draft.groups);
        rows.map(drop)
    }

    /// The counts of the generation's ranges in `row`: the listed ones, then the retired ones. `read` holds
    /// the values of [`slots`](Self::slots); a slot that was not read counts as zero.
    pub(super) fn counts(&self, row: usize, read: &[Count]) -> (Vec<Count>, Vec<Count>) {
        let Generation { ranges, retired, .. } = &self.generation;
        let mut members = self.members(row, read).map(|(_, count)| count);
        (members.by_ref().take(ranges.len()).collect(), members.take(retired.len()).collect())
    }

    /// The counts in `row` of ranges that are gone, for their geos. With `retired` they are those of retired
    /// ranges, otherwise those of listed ranges.
    pub(super) fn carried(&self, row: usize, retired: bool, read: &[Count]) -> Vec<(Geo, Count)> {
        let shown = self.generation.ranges.len() + self.generation.retired.len();
        let gone = self.members(row, read).skip(shown).filter(|(owner, _)| owner.retired == retired);
        self.ledger.carried(row, retired).chain(gone.map(|(owner, count)| (owner.geo, count))).collect()
    }

    fn members(&self, row: usize, read: &[Count]) -> impl Iterator<Item = (&CounterKey, Count)> {
        let slots = self.slots.iter().copied().zip(read.iter().copied());
        let unread = std::iter::repeat((u32::MAX, Count::default()));
        let members = self.members.iter().zip(slots.chain(unread));
        members.map(move |(owner, (slot, read))| (owner, self.ledger.count(row, owner, slot, read)))
    }

    /// Every owner of a slot.
    pub(super) fn owners(&self) -> Vec<(CounterKey, u32)> {
        self.owners.owners().collect()
    }

    /// All rows as they are once the kernel's counters are gone. `readings` are the last ones of
    /// [`owners`](Self::owners).
    pub(super) fn settle(&self, readings: &[Reading]) -> Vec<Row> {
        self.ledger.settle(&self.owners(), readings)
    }

    /// Updates the origin of the published ranges. The ranges stay the same.
    pub(super) fn describe(&mut self, set: &RangeSet) {
        let (source, change_number) = origin(set);
        (self.generation.source, self.generation.change_number) = (source, change_number);
    }

    pub(super) fn generation(&self) -> &Generation {
        &self.generation
    }

    /// The lease groups of the published generation.
    pub(super) fn groups(&self) -> &Groups {
        &self.groups
    }

    pub(super) fn slots(&self) -> &[u32] {
        &self.slots
    }

    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }
}

/// The names of the sources of a set, and the change number of the first that has one.
fn origin(set: &RangeSet) -> (String, Option<u64>) {
    let names: Vec<&str> = set.origins().iter().map(|origin| origin.name.as_str()).collect();
    (names.join(","), set.origins().iter().find_map(|origin| origin.change_number))
}

/// Adds up the counts of a daemon that did not end by itself: those in its file, and the last values of the
/// pinned maps that the file names. `readings` holds these values by row, for the owners in the file.
pub(super) fn add_up(stored: &Stored, interfaces: &[String], readings: &[Reading]) -> Vec<Row> {
    let ledger = Ledger::new(&row_names(interfaces), stored.rows.clone());
    ledger.with_begun(stored.begun.iter().copied()).settle(&stored.owners, readings)
}

/// The names of the kernel's rows for these interfaces.
pub(super) fn row_names(interfaces: &[String]) -> Vec<String> {
    let strangers = (interfaces.len() > 1).then(|| UNKNOWN_INTERFACE.to_owned());
    interfaces.iter().cloned().chain(strangers).collect()
}

#[cfg(test)]
mod tests;
