//! The published generation: its ranges, and the counter slot of each range. Plain data.
//!
//! A range that is gone keeps its slot, so that its geo's total still has its counts. Only if slots are short
//! are the counts of such ranges moved together: [`PublishedState::make_room`].

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    counters::{Slots, SlotsFull},
    generation::{CompileError, Compiled, CounterKey, Groups, compile},
    geo::Geo,
    ranges::{RangeSet, SourceSet},
    snapshot::{Count, Generation},
};

/// The published generation, and the owners of all slots.
pub(crate) struct PublishedState {
    generation: Generation,
    /// The owners of the listed ranges, then of the retired ranges.
    members: Vec<CounterKey>,
    owners: Slots,
    groups: Groups,
}

/// A generation to be published: the kernel's input, and the published state that follows.
pub(crate) struct PendingGeneration {
    pub(crate) compiled: Compiled,
    next: PublishedState,
    sources: BTreeSet<SourceSet>,
}

/// A step to free slots of ranges that are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clear {
    /// The slot's counts are its geo's from now on, and no range's.
    Rename { slot: u32, owner: CounterKey },
    /// The slot's counts move to another slot, if one is named, and are dropped otherwise.
    Empty { slot: u32, into: Option<u32> },
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
    /// The lease groups of the published generation and of this one.
    pub(crate) fn groups(&self) -> &Groups {
        &self.next.groups
    }

    /// The owners of slots that have none in `published`.
    pub(crate) fn new_owners(&self, published: &PublishedState) -> Vec<(CounterKey, u32)> {
        self.next.owners.owners().filter(|(owner, _)| !published.owners.has(owner)).collect()
    }
}

impl PublishedState {
    /// The state before the first publication. `owners` are those of an earlier daemon's counters.
    pub(crate) fn new(capacity: u32, owners: Vec<(CounterKey, u32)>) -> Self {
        Self {
            generation: Generation::default(),
            members: Vec::new(),
            owners: Slots::new(capacity, owners),
            groups: Groups::default(),
        }
    }

    /// Shows the ranges of a generation that will be published.
    pub(crate) fn preview(&mut self, pending: &PendingGeneration) {
        self.generation = Generation { number: 0, ..pending.next.generation.clone() };
        self.members.clone_from(&pending.next.members);
    }

    /// Prepares the next generation. The published state does not change.
    pub(crate) fn pending(&self, set: &RangeSet) -> Result<PendingGeneration, PendingError> {
        let mut owners = self.owners.clone();
        let members = members(set);
        let slots = owners.assign(members.iter().copied())?;
        let sources = [set.listed_by(), set.retired_by()].concat();
        let groups = self.groups.extended(sources.iter().copied());
        let numbers = sources.iter().map(|sources| groups.number(*sources));
        let compiled = compile(members.iter().copied(), &slots, owners.capacity())?.grouped(numbers);
        let (source, change_number) = origin(set);
        let generation = Generation {
            number: self.generation.number + 1,
            source,
            change_number,
            digest: set.digest(),
            ranges: set.ranges().to_vec(),
            retired: set.retired().to_vec(),
        };
        let next = Self { generation, members, owners, groups };
        Ok(PendingGeneration { compiled, next, sources: sources.into_iter().collect() })
    }

    /// Records that the generation is published.
    pub(crate) fn commit(&mut self, pending: PendingGeneration) {
        *self = pending.next;
        self.groups.retain(&pending.sources);
    }

    /// Frees slots of ranges that are gone, until `set` finds a slot for each of its ranges: the counts of
    /// ranges of one geo are gathered in one slot. If that is not enough, the counts of geos without a listed
    /// range are dropped: these geos are shown no more. `clear` carries out each step.
    ///
    /// # Errors
    /// The error of `clear`. The steps before are done.
    pub(crate) fn make_room<E>(
        &mut self,
        set: &RangeSet,
        mut clear: impl FnMut(Clear) -> Result<(), E>,
    ) -> Result<(), E> {
        let wanted: BTreeSet<CounterKey> = members(set).into_iter().chain(self.members.clone()).collect();
        let arriving = wanted.iter().filter(|owner| !self.owners.has(owner)).count();
        let mut short = arriving.saturating_sub(self.owners.free());
        let mut gone: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (owner, slot) in self.owners.owners().filter(|(owner, _)| !wanted.contains(owner)) {
            gone.entry(owner.of_gone()).or_default().push((owner, slot));
        }
        for (rest, owners) in gone.iter().filter(|(_, owners)| owners.len() > 1) {
            // The owner of gathered counts comes first, because its prefix is the broadest.
            let ((first, into), others) = (owners[0], &owners[1..]);
            if short == 0 {
                return Ok(());
            }
            if first != *rest {
                clear(Clear::Rename { slot: into, owner: *rest })?;
                self.owners.rename(&first, *rest);
            }
            for (owner, slot) in others.iter().take(short) {
                clear(Clear::Empty { slot: *slot, into: Some(into) })?;
                self.owners.release(owner);
                short -= 1;
            }
        }
        let listed: BTreeSet<Geo> = wanted.iter().map(|owner| owner.geo).collect();
        for rest in gone.keys().filter(|rest| !listed.contains(&rest.geo)).take(short) {
            let left: Vec<_> = self.owners.owners().filter(|(owner, _)| owner.of_gone() == *rest).collect();
            for (owner, slot) in left {
                clear(Clear::Empty { slot, into: None })?;
                self.owners.release(&owner);
            }
        }
        Ok(())
    }

    /// The counts of the generation's ranges: the listed ones, then the retired ones. `read` holds the values
    /// of [`slots`](Self::slots); a slot that was not read counts as zero.
    pub(crate) fn counts(&self, read: &[Count]) -> (Vec<Count>, Vec<Count>) {
        let Generation { ranges, retired, .. } = &self.generation;
        let mut members = read.iter().copied().chain(std::iter::repeat(Count::default()));
        (members.by_ref().take(ranges.len()).collect(), members.take(retired.len()).collect())
    }

    /// The counts of ranges that are gone, for their geos. With `retired` they are those of retired ranges,
    /// otherwise those of listed ranges. `read` is as for [`counts`](Self::counts).
    pub(crate) fn counts_of_gone(&self, retired: bool, read: &[Count]) -> Vec<(Geo, Count)> {
        let gone = self.gone().zip(read.iter().skip(self.members.len()));
        gone.filter(|((owner, _), _)| owner.retired == retired)
            .map(|((owner, _), count)| (owner.geo, *count))
            .collect()
    }

    /// The owners that are not in the generation, with their slots.
    fn gone(&self) -> impl Iterator<Item = (CounterKey, u32)> {
        let members: BTreeSet<&CounterKey> = self.members.iter().collect();
        self.owners.owners().filter(move |(owner, _)| !members.contains(owner))
    }

    /// All slots with counts: those of the listed ranges, of the retired ranges, and of ranges that are gone.
    pub(crate) fn slots(&self) -> Vec<u32> {
        let members = self.members.iter().map(|owner| self.owners.slot(owner).unwrap_or(u32::MAX));
        members.chain(self.gone().map(|(_, slot)| slot)).collect()
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
}

/// The owners of the listed ranges, then of the retired ranges.
fn members(set: &RangeSet) -> Vec<CounterKey> {
    set.ranges().iter().map(CounterKey::from).chain(set.retired().iter().map(CounterKey::retired)).collect()
}

/// The names of the sources of a set, and the change number of the first that has one.
fn origin(set: &RangeSet) -> (String, Option<u64>) {
    let names: Vec<&str> = set.origins().iter().map(|origin| origin.name.as_str()).collect();
    (names.join(","), set.origins().iter().find_map(|origin| origin.change_number))
}

#[cfg(test)]
mod tests;
