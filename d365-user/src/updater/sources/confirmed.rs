//! The sources' confirmations: the time of each, and the sources whose leases drops need.

use super::{Source, Sources};
use crate::{
    ranges::{RangeSet, SourceSet},
    source::Spec,
    updater::clock::{Now, Stamp},
};

impl Sources {
    /// The time at which each source last confirmed its accepted list, in their order. The embedded list
    /// confirms itself as of its date.
    pub(in crate::updater) fn confirmations(&self) -> Vec<Option<Stamp>> {
        let confirmation = |source: &Source| match source.spec {
            Spec::Embedded => self.embedded.1.map(Stamp::EarlierRun),
            _ => {
                let stamp = if source.is_confirmed_here { Stamp::ThisRun } else { Stamp::EarlierRun };
                self.gates.get(&source.name)?.confirmed().map(stamp)
            }
        };
        self.all.iter().map(confirmation).collect()
    }

    /// Lowers confirmations of earlier runs that are later than the calendar's time to that time, once: a
    /// confirmation in the future does not age. Returns the sources that had one.
    pub(in crate::updater) fn lower_future(&mut self, now: &Now) -> Vec<String> {
        let Some(calendar) = now.calendar() else { return Vec::new() };
        let mut lowered = Vec::new();
        for source in self.all.iter_mut().filter(|source| !source.is_confirmed_here) {
            let gate = self.gates.get_mut(&source.name);
            if gate.is_some_and(|gate| gate.lower_confirmation(calendar)) {
                source.last_success = Some(Stamp::EarlierRun(calendar));
                lowered.push(source.name.clone());
            }
        }
        lowered
    }

    /// The sources whose leases drops need: all that can be read again, and the embedded list if it lists a
    /// range of `set` that no other source lists.
    pub(in crate::updater) fn needed(&self, set: Option<&RangeSet>) -> Vec<usize> {
        let lists_alone = |place| set.is_none_or(|set| set.listed_by().contains(&SourceSet::of(place)));
        let places = self.all.iter().enumerate();
        let needed = places.filter(|(place, source)| source.spec != Spec::Embedded || lists_alone(*place));
        needed.map(|(place, _)| place).collect()
    }
}
