//! The choice of the lists that are used if not all fit within `--max-ranges`, and the room of each gate.

use std::{collections::BTreeMap, sync::Arc};

use ipnet::IpNet;

use super::{Source, Sources};
use crate::{
    gate::{Change, Decision, Gate, Room},
    source::Spec,
};

impl Sources {
    /// Chooses the lists that are used, at a start. It takes the sources in the order of the command line,
    /// and each list that fits together with those before it.
    pub(super) fn admit(&mut self) {
        self.left_out = self.all.iter().map(|source| source.name.clone()).collect();
        self.share_room();
    }

    /// Counts the room that is left and gives it to each gate, after every change of an accepted list. A list
    /// that is used always fits, because no gate accepts more than there is room for. A list that was left
    /// out is used as soon as it fits.
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
            match self.left_out.contains(name) {
                true => gate.leave_out(),
                false => gate.set_room(self.room.clone()),
            }
        }
    }

    /// The accepted prefixes of a source.
    pub(super) fn accepted_of(&self, source: &Source) -> Vec<IpNet> {
        match self.gates.get(&source.name) {
            _ if source.spec == Spec::Embedded => {
                self.embedded.0.ranges().iter().map(|range| range.prefix).collect()
            }
            gate => gate.into_iter().flat_map(Gate::accepted).map(|range| range.prefix).collect(),
        }
    }

    /// True while every range that is accepted, or would be accepted, has room.
    pub(in crate::updater) fn has_room(&self) -> bool {
        let waits = |gate: &Gate| {
            let mut counts = gate.pending_counts().into_iter();
            counts.any(|(change, count)| change == Change::Capacity && count > 0)
        };
        self.left_out.is_empty() && !self.gates.values().any(waits)
    }

    /// The sources of which nothing is used, because their lists do not fit together with the others.
    /// Addresses that they list may be unlisted here.
    pub(in crate::updater) fn left_out(&self) -> Vec<String> {
        self.left_out.iter().cloned().collect()
    }

    /// Follows the decisions of a gate: other gates may have room after them.
    pub(super) fn settle(&mut self, decisions: &[Decision]) {
        if decisions.iter().any(Decision::is_published) {
            self.share_room();
        }
        self.attribute();
    }
}
