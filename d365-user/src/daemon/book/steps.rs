//! Intermediate generations on the way to a list whose ranges find no free counter slot, because the ranges
//! that leave still have theirs. A slot is given away only after its last count was read, which is once its
//! owner is no longer published. Pure.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::{Book, Draft, DraftError};
use crate::{
    generation::CounterKey,
    ranges::{Range, RangeSet, SourceSet},
};

/// The relation of a draft to the list that it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::daemon) enum Towards {
    /// The draft is that list.
    Whole,
    /// Some prefixes still have their previous state.
    Step,
    /// Some prefixes are missing for the moment: there are too few free slots for steps.
    Gap,
}

impl Book {
    /// The maximum number of steps to a list. If more were needed, some prefixes are missing for a moment
    /// instead.
    const MOST_STEPS: usize = 16;

    /// Makes a draft of the next generation, which may be an intermediate one on the way to `set`. The book
    /// does not change.
    pub(in crate::daemon) fn draft_towards(&self, set: &RangeSet) -> Result<(Draft, Towards), DraftError> {
        match self.draft(set) {
            Err(DraftError::Slots(full)) => {
                let (step, towards) = self.step(set).ok_or(full)?;
                Ok((self.draft(&step)?, towards))
            }
            draft => Ok((draft?, Towards::Whole)),
        }
    }

    /// The list with as many changes as there are free slots. Changes that retire a range come first: the
    /// range must not count as listed for longer than needed.
    fn step(&self, set: &RangeSet) -> Option<(RangeSet, Towards)> {
        let owners =
            || set.retired().iter().map(CounterKey::retired).chain(set.ranges().iter().map(CounterKey::from));
        let mut free = self.owners.free();
        let arriving = owners().filter(|owner| !self.owners.has(owner)).count();
        let keeps = free * Self::MOST_STEPS >= arriving;
        let before = if keeps { self.shown() } else { BTreeMap::new() };
        let (mut ranges, mut retired) = (Vec::new(), Vec::new());
        let listed =
            set.ranges().iter().zip(set.listed_by()).map(|(range, sources)| (range, *sources, false));
        let gone = set.retired().iter().zip(set.retired_by()).map(|(range, sources)| (range, *sources, true));
        for ((range, sources, is_retired), owner) in gone.chain(listed).zip(owners()) {
            let has_slot = self.owners.has(&owner) || free > 0;
            if !self.owners.has(&owner) {
                free = free.saturating_sub(1);
            }
            let shown = (range, sources, is_retired);
            let shown = if has_slot { Some(shown) } else { before.get(&range.prefix).copied() };
            match shown {
                Some((range, sources, true)) => retired.push((range.clone(), sources)),
                Some((range, sources, false)) => ranges.push((range.clone(), sources)),
                None => {}
            }
        }
        if ranges.is_empty() {
            return None;
        }
        Some((set.with_ranges(ranges, retired), if keeps { Towards::Step } else { Towards::Gap }))
    }

    /// The published state of each prefix: the range, its sources, and true if it is retired.
    fn shown(&self) -> BTreeMap<IpNet, (&Range, SourceSet, bool)> {
        let listed = self.generation.ranges.iter().map(|range| (range, false));
        let all = listed.chain(self.generation.retired.iter().map(|range| (range, true)));
        let all = all.zip(&self.sources);
        all.map(|((range, is_retired), sources)| (range.prefix, (range, *sources, is_retired))).collect()
    }
}

#[cfg(test)]
mod tests;
