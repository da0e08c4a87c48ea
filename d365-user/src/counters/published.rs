//! The published generation: its ranges, and the counter slot of each range. Plain data.
//!
//! A range that is gone keeps its slot, so that its geo's total still has its counts. Only if slots are short
//! are the counts of such ranges moved together: [`PublishedState::make_room`].

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    counters::{Slots, SlotsFull},
    generation::{Compiled, CounterKey, Groups, compile},
    geo::Geo,
    ranges::{RangeSet, SourceSet},
    snapshot::{Count, Generation},
};

/// The published generation, and the owners of all slots.
pub(crate) struct PublishedState {
    generation: Generation,
    /// The owners of the listed ranges, then of the retired ranges, each with its slot.
    members: Vec<(CounterKey, u32)>,
    /// The other owners, in the order of the keys.
    gone: Vec<(CounterKey, u32)>,
    owners: Slots,
    groups: Groups,
}

/// A generation to be published: the kernel's input, and the published state that follows.
pub(crate) struct PendingGeneration {
    pub(crate) compiled: Compiled,
    generation: Generation,
    members: Vec<(CounterKey, u32)>,
    sources: BTreeSet<SourceSet>,
    /// They include those of the published generation.
    groups: Groups,
}

/// A step to free slots of ranges that are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clear {
    /// The slot's counts are its geo's from now on, and no range's.
    Rename { slot: u32, owner: CounterKey },
    /// The slot's counts move to another slot, if one is named, and are dropped otherwise.
    Empty { slot: u32, into: Option<u32> },
}

impl PendingGeneration {
    /// The lease groups of the published generation and of this one.
    pub(crate) fn groups(&self) -> &Groups {
        &self.groups
    }
}

impl PublishedState {
    /// The state before the first publication. `owners` are those of an earlier daemon's counters.
    pub(crate) fn new(capacity: u32, owners: Vec<(CounterKey, u32)>) -> Self {
        Self {
            generation: Generation::default(),
            members: Vec::new(),
            gone: owners.clone(),
            owners: Slots::new(capacity, owners),
            groups: Groups::default(),
        }
    }

    /// Shows the ranges of a generation that will be published.
    pub(crate) fn preview(&mut self, pending: &PendingGeneration) {
        self.generation = Generation { number: 0, ..pending.generation.clone() };
        self.members.clone_from(&pending.members);
        self.find_gone();
    }

    /// Prepares the next generation. The published state does not change.
    pub(crate) fn pending(&self, set: &RangeSet) -> Result<PendingGeneration, SlotsFull> {
        let owners = members(set);
        let slots = self.owners.assign(owners.iter().copied())?;
        let sources = [set.listed_by(), set.retired_by()].concat();
        let groups = self.groups.extended(sources.iter().copied());
        let numbers = sources.iter().map(|sources| groups.number(*sources));
        let full = SlotsFull { capacity: self.owners.capacity() };
        let compiled = compile(owners.iter().copied(), &slots).ok_or(full)?.grouped(numbers);
        let (source, change_number) = origin(set);
        let generation = Generation {
            number: self.generation.number + 1,
            source,
            change_number,
            digest: set.digest(),
            published: 0,
            ranges: set.ranges().to_vec(),
            listed_by: set.listed_by().to_vec(),
            retired: set.retired().to_vec(),
            retired_by: set.retired_by().to_vec(),
        };
        let members = owners.into_iter().zip(slots).collect();
        Ok(PendingGeneration {
            compiled,
            generation,
            members,
            sources: sources.into_iter().collect(),
            groups,
        })
    }

    /// Gives the pending generation its new slots. `record` records the owner of each for the next daemon. A
    /// slot that was given has its owner even if the generation is never published.
    ///
    /// # Errors
    /// The error of `record`. The slots before are given.
    pub(crate) fn reserve<E>(
        &mut self,
        pending: &PendingGeneration,
        mut record: impl FnMut(u32, &CounterKey) -> Result<(), E>,
    ) -> Result<(), E> {
        for (owner, slot) in &pending.members {
            if !self.owners.has(owner) {
                record(*slot, owner)?;
                self.owners.give(*slot, *owner);
            }
        }
        Ok(())
    }

    /// Records that the generation, whose slots are [reserved](Self::reserve), is published since `at`, in
    /// seconds after the Unix epoch.
    pub(crate) fn commit(&mut self, pending: PendingGeneration, at: u64) {
        self.generation = Generation { published: at, ..pending.generation };
        self.members = pending.members;
        self.groups = pending.groups;
        self.groups.retain(&pending.sources);
        self.find_gone();
    }

    fn find_gone(&mut self) {
        let members: BTreeSet<&CounterKey> = self.members.iter().map(|(owner, _)| owner).collect();
        self.gone = self.owners.owners().filter(|(owner, _)| !members.contains(owner)).collect();
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
        clear: impl FnMut(Clear) -> Result<(), E>,
    ) -> Result<(), E> {
        let cleared = self.clear_gone(set, clear);
        self.find_gone();
        cleared
    }

    fn clear_gone<E>(
        &mut self,
        set: &RangeSet,
        mut clear: impl FnMut(Clear) -> Result<(), E>,
    ) -> Result<(), E> {
        let shown = self.members.iter().map(|(owner, _)| *owner);
        let wanted: BTreeSet<CounterKey> = members(set).into_iter().chain(shown).collect();
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
        // By now each of these geos has one slot.
        let listed: BTreeSet<Geo> = wanted.iter().map(|owner| owner.geo).collect();
        let unlisted = gone.into_iter().filter(|(rest, _)| !listed.contains(&rest.geo)).take(short);
        for (rest, owners) in unlisted {
            let (owner, slot) = if owners.len() > 1 { (rest, owners[0].1) } else { owners[0] };
            clear(Clear::Empty { slot, into: None })?;
            self.owners.release(&owner);
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
        let gone = self.gone.iter().zip(read.iter().skip(self.members.len()));
        gone.filter(|((owner, _), _)| owner.retired == retired)
            .map(|((owner, _), count)| (owner.geo, *count))
            .collect()
    }

    /// All slots with counts: those of the listed ranges, of the retired ranges, and of ranges that are gone.
    pub(crate) fn slots(&self) -> Vec<u32> {
        self.members.iter().chain(&self.gone).map(|(_, slot)| *slot).collect()
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
