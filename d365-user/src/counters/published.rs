//! The published generation: its ranges, the slot of each range, and the totals of all slots. Plain data.

use std::collections::BTreeSet;

use crate::{
    counters::{CounterSample, CounterTotals, Row, Slots, SlotsFull, stored::Stored},
    generation::{CompileError, Compiled, CounterKey, Groups, compile},
    geo::Geo,
    ranges::{RangeSet, SourceSet},
    snapshot::{Count, Generation, UNKNOWN_INTERFACE},
};

mod steps;

pub(crate) use steps::Goal;

/// The published generation, and the counts of ranges that are gone.
pub(crate) struct PublishedState {
    generation: Generation,
    /// Owners of the listed ranges, then of the retired ranges, then of ranges that are gone and whose last
    /// count could not be read.
    members: Vec<CounterKey>,
    slots: Vec<u32>,
    owners: Slots,
    /// The sources of the listed ranges, then those of the retired ones.
    sources: Vec<SourceSet>,
    groups: Groups,
    totals: CounterTotals,
    capacity: u32,
}

/// A generation to be published: the kernel's input, and the published state that follows.
pub(crate) struct PendingGeneration {
    pub(crate) compiled: Compiled,
    generation: Generation,
    members: Vec<CounterKey>,
    slots: Vec<u32>,
    owners: Slots,
    sources: Vec<SourceSet>,
    /// They include those of the published generation.
    groups: Groups,
}

/// Reason why a list cannot become a generation.
#[derive(Debug, thiserror::Error)]
pub enum PendingError {
    /// There are more ranges than counter slots.
    #[error(transparent)]
    Slots(#[from] SlotsFull),
    /// The kernel object does not have a slot.
    #[error(transparent)]
    Compile(#[from] CompileError),
}

impl PendingGeneration {
    /// Every owner of a slot once this generation is published, including those that leave.
    pub(crate) fn owners(&self) -> Vec<(CounterKey, u32)> {
        self.owners.owners().collect()
    }

    /// The lease groups of the published generation and of this one.
    pub(crate) fn groups(&self) -> &Groups {
        &self.groups
    }
}

impl PublishedState {
    /// The state before the first publication. `rows` are the names of the kernel's rows, `before` holds the
    /// counts of earlier daemons.
    pub(crate) fn new(capacity: u32, rows: &[String], before: Vec<Row>) -> Self {
        Self {
            generation: Generation::default(),
            members: Vec::new(),
            slots: Vec::new(),
            owners: Slots::new(capacity),
            sources: Vec::new(),
            groups: Groups::default(),
            totals: CounterTotals::new(rows, before),
            capacity,
        }
    }

    /// Shows the ranges of a generation that will be published, with the counts of earlier daemons.
    pub(crate) fn preview(&mut self, pending: &PendingGeneration) {
        self.generation = Generation { number: 0, ..pending.generation.clone() };
        self.members.clone_from(&pending.members);
        let known: BTreeSet<CounterKey> = pending.members.iter().copied().collect();
        self.totals.forget_all_but(|owner| known.contains(owner));
    }

    /// Prepares the next generation. The published state does not change.
    pub(crate) fn pending(&self, set: &RangeSet) -> Result<PendingGeneration, PendingError> {
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
        Ok(PendingGeneration { compiled, generation, members, slots, owners, sources, groups })
    }

    /// Records that the generation is published. Ranges that are gone leave their counts to their geos.
    /// `read` returns the last values of slots, by row; no packet is counted in them any more.
    pub(crate) fn commit<E>(
        &mut self,
        mut pending: PendingGeneration,
        read: impl FnOnce(&[u32]) -> Result<Vec<Vec<Count>>, E>,
    ) -> Result<(), E> {
        let leaving = pending.owners.leaving(pending.members.iter().copied());
        let slots: Vec<u32> = leaving.iter().map(|(_, slot)| *slot).collect();
        let rows = read(&slots);
        // Counts that cannot be read stay in their slots, and these slots stay in use.
        for (row, counts) in rows.as_ref().into_iter().flatten().enumerate() {
            for ((owner, slot), last) in leaving.iter().zip(counts) {
                self.totals.close(row, owner, *slot, *last);
            }
        }
        for (owner, slot) in leaving {
            if rows.is_ok() {
                pending.owners.release(&owner);
            } else {
                pending.members.push(owner);
                pending.slots.push(slot);
            }
        }
        let known: BTreeSet<CounterKey> = pending.owners.owners().map(|(owner, _)| owner).collect();
        self.totals.forget_all_but(|owner| known.contains(owner));
        (self.generation, self.members) = (pending.generation, pending.members);
        (self.slots, self.owners) = (pending.slots, pending.owners);
        pending.groups.retain(&pending.sources.iter().copied().collect());
        (self.sources, self.groups) = (pending.sources, pending.groups);
        rows.map(drop)
    }

    /// The counts of the generation's ranges in `row`: the listed ones, then the retired ones. `read` holds
    /// the values of [`slots`](Self::slots); a slot that was not read counts as zero.
    pub(crate) fn counts(&self, row: usize, read: &[Count]) -> (Vec<Count>, Vec<Count>) {
        let Generation { ranges, retired, .. } = &self.generation;
        let mut members = self.members(row, read).map(|(_, count)| count);
        (members.by_ref().take(ranges.len()).collect(), members.take(retired.len()).collect())
    }

    /// The counts in `row` of ranges that are gone, for their geos. With `retired` they are those of retired
    /// ranges, otherwise those of listed ranges.
    pub(crate) fn retired_totals(&self, row: usize, retired: bool, read: &[Count]) -> Vec<(Geo, Count)> {
        let shown = self.generation.ranges.len() + self.generation.retired.len();
        let gone = self.members(row, read).skip(shown).filter(|(owner, _)| owner.retired == retired);
        self.totals
            .retired_totals(row, retired)
            .chain(gone.map(|(owner, count)| (owner.geo, count)))
            .collect()
    }

    fn members(&self, row: usize, read: &[Count]) -> impl Iterator<Item = (&CounterKey, Count)> {
        let slots = self.slots.iter().copied().zip(read.iter().copied());
        let unread = std::iter::repeat((u32::MAX, Count::default()));
        let members = self.members.iter().zip(slots.chain(unread));
        members.map(move |(owner, (slot, read))| (owner, self.totals.count(row, owner, slot, read)))
    }

    /// Every owner of a slot.
    pub(crate) fn owners(&self) -> Vec<(CounterKey, u32)> {
        self.owners.owners().collect()
    }

    /// All rows as they are once the kernel's counters are gone. `readings` are the last ones of
    /// [`owners`](Self::owners).
    pub(crate) fn finalize(&self, readings: &[CounterSample]) -> Vec<Row> {
        self.totals.finalize(&self.owners(), readings)
    }

    /// Updates the origin of the published ranges. The ranges stay the same.
    pub(crate) fn describe(&mut self, set: &RangeSet) {
        let (source, change_number) = origin(set);
        (self.generation.source, self.generation.change_number) = (source, change_number);
    }

    pub(crate) fn generation(&self) -> &Generation {
        &self.generation
    }

    /// The lease groups of the published generation.
    pub(crate) fn groups(&self) -> &Groups {
        &self.groups
    }

    pub(crate) fn slots(&self) -> &[u32] {
        &self.slots
    }

    pub(crate) fn totals(&self) -> &CounterTotals {
        &self.totals
    }
}

/// The names of the sources of a set, and the change number of the first that has one.
fn origin(set: &RangeSet) -> (String, Option<u64>) {
    let names: Vec<&str> = set.origins().iter().map(|origin| origin.name.as_str()).collect();
    (names.join(","), set.origins().iter().find_map(|origin| origin.change_number))
}

/// Adds up the counts of a daemon that did not end by itself: those in its file, and the last values of the
/// pinned maps that the file names. `readings` holds these values by row, for the owners in the file.
pub(crate) fn add_up(stored: &Stored, interfaces: &[String], readings: &[CounterSample]) -> Vec<Row> {
    let totals = CounterTotals::new(&row_names(interfaces), stored.rows.clone());
    totals.with_baselines(stored.baselines.iter().copied()).finalize(&stored.owners, readings)
}

/// The names of the kernel's rows for these interfaces.
pub(crate) fn row_names(interfaces: &[String]) -> Vec<String> {
    let strangers = (interfaces.len() > 1).then(|| UNKNOWN_INTERFACE.to_owned());
    interfaces.iter().cloned().chain(strangers).collect()
}

#[cfg(test)]
mod tests;
