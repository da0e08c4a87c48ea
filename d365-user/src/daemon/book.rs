//! The book of the published generation: its ranges, the slot of each, and the ledger of all slots. Plain data.

use crate::{
    generation::{CompileError, Compiled, Slots, SlotsFull, compile},
    ledger::Ledger,
    ranges::RangeSet,
    snapshot::{Count, Generation},
};

/// What is published, and what was counted for ranges that are gone.
pub(super) struct Book {
    generation: Generation,
    slots: Vec<u32>,
    owners: Slots,
    ledger: Ledger,
    capacity: u32,
}

/// A generation that is to be published: what the kernel gets, and the pages of the book that will be true then.
pub(super) struct Draft {
    pub(super) compiled: Compiled,
    generation: Generation,
    slots: Vec<u32>,
    owners: Slots,
}

/// Why there is no draft.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// More ranges than counter slots.
    #[error(transparent)]
    Slots(#[from] SlotsFull),
    /// A slot that the kernel object has not.
    #[error(transparent)]
    Compile(#[from] CompileError),
}

impl Book {
    /// Nothing is published yet.
    pub(super) fn new(capacity: u32) -> Self {
        let (owners, ledger) = (Slots::new(capacity), Ledger::default());
        Self { generation: Generation::default(), slots: Vec::new(), owners, ledger, capacity }
    }

    /// Shows the ranges of a draft, all at zero, as what will be published.
    pub(super) fn announce(&mut self, draft: &Draft) {
        self.generation = Generation { number: 0, ..draft.generation.clone() };
    }

    /// A draft of the next generation. Nothing changes in the book.
    pub(super) fn draft(&self, set: &RangeSet) -> Result<Draft, DraftError> {
        let mut owners = self.owners.clone();
        let slots = owners.assign(set.ranges())?;
        let compiled = compile(set.ranges(), &slots, self.capacity)?;
        let names: Vec<&str> = set.origins().iter().map(|origin| origin.name.as_str()).collect();
        let generation = Generation {
            number: self.generation.number + 1,
            source: names.join(","),
            change_number: set.origins().iter().find_map(|origin| origin.change_number),
            digest: set.digest(),
            ranges: set.ranges().to_vec(),
            retired: Vec::new(),
        };
        Ok(Draft { compiled, generation, slots, owners })
    }

    /// The draft is published: ranges that are gone leave their counts to their geos. `read` tells what slots read
    /// last, by row; no packet is counted in them any more.
    pub(super) fn enter<E>(
        &mut self,
        mut draft: Draft,
        read: impl FnOnce(&[u32]) -> Result<Vec<Vec<Count>>, E>,
    ) -> Result<(), E> {
        let leaving = draft.owners.leaving(&draft.generation.ranges);
        let slots: Vec<u32> = leaving.iter().map(|(_, slot)| *slot).collect();
        let rows = read(&slots);
        // Counts that cannot be read stay where they are: their slots are not given away.
        for (row, counts) in rows.as_ref().into_iter().flatten().enumerate() {
            for (((_, geo), slot), last) in leaving.iter().zip(counts) {
                self.ledger.close(row, *slot, *geo, *last);
            }
        }
        if rows.is_ok() {
            leaving.iter().for_each(|(owner, _)| draft.owners.release(owner));
        }
        (self.generation, self.slots, self.owners) = (draft.generation, draft.slots, draft.owners);
        rows.map(drop)
    }

    /// What each range of the generation has counted in `row`, where its slot reads `read`.
    pub(super) fn counts(&self, row: usize, read: &[Count]) -> Vec<Count> {
        let slots = self.slots.iter().zip(read);
        slots.map(|(slot, read)| self.ledger.count(row, *slot, *read)).collect()
    }

    pub(super) fn generation(&self) -> &Generation {
        &self.generation
    }

    pub(super) fn slots(&self) -> &[u32] {
        &self.slots
    }

    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }
}
