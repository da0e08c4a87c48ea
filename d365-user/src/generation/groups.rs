//! Numbers the sets of sources that list ranges: the kernel keeps a lease for each number. Pure.
//!
//! A set keeps its number for as long as a generation uses it. So a lease has the same meaning for the
//! published generation and for the next one. Sets for which no number is left share the last one; its lease
//! is the shortest of theirs.

use std::collections::{BTreeMap, BTreeSet};

use d365_common::lease::GROUPS;

use crate::ranges::SourceSet;

/// The number that is shared if there are more sets than numbers.
#[expect(clippy::cast_possible_truncation, reason = "there are 8 groups")]
const SHARED: u8 = GROUPS as u8 - 1;

/// The sets and their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    numbers: BTreeMap<SourceSet, u8>,
}

impl Groups {
    /// These groups, and numbers for the sets that have none yet.
    #[must_use]
    pub fn extended(&self, sets: impl IntoIterator<Item = SourceSet>) -> Self {
        let mut numbers = self.numbers.clone();
        for set in sets.into_iter().collect::<BTreeSet<_>>() {
            let is_free = |number: &u8| numbers.values().all(|taken| taken != number);
            let number = (0..SHARED).find(is_free).unwrap_or(SHARED);
            numbers.entry(set).or_insert(number);
        }
        Self { numbers }
    }

    /// Removes all sets but these; their numbers are free again.
    pub fn retain(&mut self, sets: &BTreeSet<SourceSet>) {
        self.numbers.retain(|set, _| sets.contains(set));
    }

    /// The number of a set. A set without a number gets the shared one: its lease is the shortest of all sets
    /// that share it.
    #[must_use]
    pub fn number(&self, set: SourceSet) -> u8 {
        self.numbers.get(&set).copied().unwrap_or(SHARED)
    }

    /// Every set with its number.
    pub fn sets(&self) -> impl Iterator<Item = (SourceSet, u8)> {
        self.numbers.iter().map(|(set, number)| (*set, *number))
    }

    /// True if several sets share one number.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.numbers.values().filter(|number| **number == SHARED).count() > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(places: std::ops::Range<usize>) -> Vec<SourceSet> {
        places.map(SourceSet::of).collect()
    }

    #[test]
    fn a_set_keeps_its_number_and_another_gets_it_only_when_it_is_not_in_use_any_more() {
        let groups = Groups::default().extended(sets(0..2));
        let mut next = groups.extended(sets(1..3));
        let numbers =
            |groups: &Groups| sets(0..3).into_iter().map(|set| groups.number(set)).collect::<Vec<_>>();
        assert_eq!(numbers(&groups), [0, 1, SHARED]);
        assert_eq!(numbers(&next), [0, 1, 2], "both generations are judged by these");
        next.retain(&sets(1..3).into_iter().collect());
        assert_eq!(next.sets().collect::<Vec<_>>(), [(SourceSet::of(1), 1), (SourceSet::of(2), 2)]);
        assert_eq!(next.extended([SourceSet::of(9)]).number(SourceSet::of(9)), 0);
    }

    #[test]
    fn sets_past_the_last_number_share_it() {
        let groups = Groups::default().extended(sets(0..8));
        assert_eq!(
            sets(0..8).into_iter().map(|set| groups.number(set)).collect::<Vec<_>>(),
            (0..8).collect::<Vec<_>>()
        );
        assert!(!groups.is_shared());
        let more = groups.extended(sets(8..10));
        assert_eq!(
            (more.number(SourceSet::of(8)), more.number(SourceSet::of(9)), more.is_shared()),
            (7, 7, true)
        );
    }
}
