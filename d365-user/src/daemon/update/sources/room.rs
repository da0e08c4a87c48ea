//! Which sources' lists are used where not all fit within `--max-ranges`, and how much room each gate has.

use std::{collections::BTreeMap, sync::Arc};

use ipnet::IpNet;

use super::{Source, Sources};
use crate::{
    generation::gate::{Change, Decision, Gate, Room},
    source::Spec,
};

impl Sources {
    /// Chooses the lists that are used, at a start: in the order of the command line, each that fits beside those before it.
    pub(super) fn admit(&mut self) {
        self.left_out = self.all.iter().map(|source| source.name.clone()).collect();
        self.share_room();
    }

    /// Counts the room that is left, and tells each gate, after every change of an accepted list. A list that is used always
    /// fits, since no gate takes more than there is room for; of those left out, each is used as soon as it fits.
    fn share_room(&mut self) {
        let mut held = BTreeMap::<IpNet, usize>::new();
        let (later, used): (Vec<_>, Vec<_>) =
            self.all.iter().partition(|source| self.left_out.contains(&source.name));
        for source in used.into_iter().chain(later) {
            let prefixes = self.accepted_of(source);
            let new = prefixes.iter().filter(|prefix| !held.contains_key(prefix)).count();
            if !self.left_out.contains(&source.name) || held.len() + new <= self.limit as usize {
                prefixes.into_iter().for_each(|prefix| *held.entry(prefix).or_default() += 1);
                self.left_out.remove(&source.name);
            }
        }
        let left = (self.limit as usize).saturating_sub(held.len());
        self.room = Room::new(left, Arc::new(held));
        for (name, gate) in &mut self.gates {
            let is_used = !self.left_out.contains(name);
            gate.set_room(if is_used { self.room.clone() } else { Room::none() });
        }
    }

    /// The prefixes that are accepted of a source.
    pub(super) fn accepted_of(&self, source: &Source) -> Vec<IpNet> {
        match self.gates.get(&source.name) {
            _ if source.spec == Spec::Embedded => {
                self.embedded.0.ranges().iter().map(|range| range.prefix).collect()
            }
            gate => gate.into_iter().flat_map(Gate::accepted).map(|range| range.prefix).collect(),
        }
    }

    /// True while every range that is accepted, or would be, has room.
    pub(in crate::daemon::update) fn has_room(&self) -> bool {
        let waits = |gate: &Gate| {
            let mut counts = gate.pending_counts().into_iter();
            counts.any(|(change, count)| change == Change::Capacity && count > 0)
        };
        self.left_out.is_empty() && !self.gates.values().any(waits)
    }

    /// The sources of which nothing is used, because their lists do not fit beside the others': addresses that they list may
    /// be unlisted here.
    pub(in crate::daemon::update) fn left_out(&self) -> Vec<String> {
        self.left_out.iter().cloned().collect()
    }

    /// After decisions of a gate: others may have room by them.
    pub(super) fn settle(&mut self, decisions: &[Decision]) {
        if decisions.iter().any(Decision::is_published) {
            self.share_room();
        }
        self.attribute();
    }
}
