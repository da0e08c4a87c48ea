//! Tests of the published state with random walks of traffic, publications and restarts. The counts that it
//! shows must be those of the packets that were sent. The kernel is a model of counters, written without the
//! published state's own slots.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::{
    counters::slots_for,
    geo::{GeoCode, GeoSource},
    ranges::Range,
};
use made::{Packets, Step, any_set, any_step};
use model::{Kernel, count};

mod made;
mod model;

/// The subject of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Line {
    Geo(Geo, bool),
    Range(CounterKey),
}

/// A daemon, the kernel below it, and the packets that were really sent.
struct Walk {
    kernel: Kernel,
    published: PublishedState,
    sent: BTreeMap<Line, Count>,
}

/// Fewer than two whole lists of the pool need.
const CAPACITY: u32 = 9;

impl Walk {
    fn begin(set: &RangeSet) -> Result<Self, TestCaseError> {
        let published = PublishedState::new(CAPACITY, Vec::new());
        let mut walk = Self { kernel: Kernel::default(), published, sent: BTreeMap::new() };
        walk.publish(set, &[])?;
        Ok(walk)
    }

    fn send(&mut self, packets: &[Packets]) {
        for Packets { at, number } in packets {
            let (owner, slot) = self.kernel.published[at % self.kernel.published.len()];
            *self.kernel.slots.entry(slot).or_default() += count(*number);
            *self.sent.entry(Line::Geo(owner.geo, owner.retired)).or_default() += count(*number);
            *self.sent.entry(Line::Range(owner)).or_default() += count(*number);
        }
    }

    /// Publishes a list. `between` arrives when the kernel has it, and the state does not show it yet. A list
    /// that finds no room changes nothing.
    fn publish(&mut self, set: &RangeSet, between: &[Packets]) -> Result<(), TestCaseError> {
        let (kernel, sent) = (&mut self.kernel, &mut self.sent);
        let shown = self.published.members.iter().map(|(owner, _)| *owner);
        let before: BTreeSet<CounterKey> = members(set).into_iter().chain(shown).collect();
        let clear = |step| {
            let (owner, is_dropped) = match step {
                Clear::Rename { slot, owner } => (kernel.owners.insert(slot, owner).unwrap(), false),
                Clear::Empty { slot, into } => (kernel.empty(slot, into), into.is_none()),
            };
            assert!(!before.contains(&owner), "{owner:?} is listed");
            sent.remove(&Line::Range(owner));
            if is_dropped {
                assert!(!before.iter().any(|listed| listed.geo == owner.geo), "{owner:?} is shown");
                sent.remove(&Line::Geo(owner.geo, owner.retired));
            }
            Ok::<_, ()>(())
        };
        self.published.make_room(set, clear).unwrap();
        let Ok(pending) = self.published.pending(set) else {
            return self.is_exact("full");
        };
        self.reserve(&pending, usize::MAX);
        self.kernel.publish(set, &pending);
        self.send(between);
        self.published.commit(pending, 0);
        self.is_exact("published")
    }

    /// Records the owners of new slots, as many as `most`.
    fn reserve(&mut self, pending: &PendingGeneration, most: usize) {
        let mut left = most;
        let record = |slot, owner: &CounterKey| {
            left = left.checked_sub(1).ok_or(())?;
            assert_eq!(self.kernel.owners.insert(slot, *owner), None, "slot {slot} has an owner");
            Ok::<_, ()>(())
        };
        assert!(self.published.reserve(pending, record).is_ok() || most < pending.members.len());
    }

    /// A publication that the kernel refuses after some owners were recorded.
    fn refused(&mut self, set: &RangeSet, recorded: usize) -> Result<(), TestCaseError> {
        if let Ok(pending) = self.published.pending(set) {
            self.reserve(&pending, recorded);
        }
        let kept: BTreeSet<_> = self.published.owners.owners().map(|(owner, slot)| (slot, owner)).collect();
        prop_assert_eq!(kept, self.kernel.owners.clone().into_iter().collect::<BTreeSet<_>>());
        self.is_exact("refused")
    }

    /// Starts another daemon with another list. The kernel's counters and the owners of slots go on.
    fn restart(&mut self, set: &RangeSet, between: &[Packets]) -> Result<(), TestCaseError> {
        let owners = self.kernel.owners.iter().map(|(slot, owner)| (*owner, *slot)).collect();
        let mut next = PublishedState::new(CAPACITY, owners);
        let Ok(pending) = next.pending(set) else { return Ok(()) };
        next.preview(&pending);
        self.published = next;
        self.is_exact("previewed")?;
        self.reserve(&pending, usize::MAX);
        // The program of the earlier daemon still counts.
        self.send(between);
        self.kernel.publish(set, &pending);
        self.published.commit(pending, 0);
        self.is_exact("started")
    }

    /// Each line as a scrape shows it. A range that is gone has none.
    fn lines(&self) -> BTreeMap<Line, Count> {
        let slots = self.published.slots();
        let read: Vec<Count> =
            slots.iter().map(|slot| self.kernel.slots.get(slot).copied().unwrap_or_default()).collect();
        let (ranges, retired) = self.published.counts(&read);
        let mut lines = BTreeMap::new();
        let listed = self.published.generation().ranges.iter().map(CounterKey::from);
        let gone = self.published.generation().retired.iter().map(CounterKey::retired);
        for (owner, count) in listed.zip(ranges).chain(gone.zip(retired)) {
            assert_eq!(lines.insert(Line::Range(owner), count), None);
            *lines.entry(Line::Geo(owner.geo, owner.retired)).or_default() += count;
        }
        for retired in [false, true] {
            for (geo, count) in self.published.counts_of_gone(retired, &read) {
                *lines.entry(Line::Geo(geo, retired)).or_default() += count;
            }
        }
        lines
    }

    /// Checks that every packet is shown in its line, and nothing else.
    fn is_exact(&self, when: &str) -> Result<(), TestCaseError> {
        let lines = self.lines();
        for (line, sent) in &self.sent {
            let is_shown = matches!(line, Line::Geo(..)) || lines.contains_key(line);
            prop_assert!(!is_shown || lines.get(line) == Some(sent), "{}: {:?}", when, line);
        }
        for (line, shown) in &lines {
            prop_assert_eq!(*shown, self.sent.get(line).copied().unwrap_or_default(), "{}: {:?}", when, line);
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn what_is_shown_is_what_was_sent(set in any_set(), steps in prop::collection::vec(any_step(), 1..40)) {
        let mut walk = Walk::begin(&set)?;
        for step in steps {
            match step {
                Step::Traffic(packets) => {
                    walk.send(&packets);
                    walk.is_exact("traffic")?;
                }
                Step::Publish { set, between } => walk.publish(&set, &between)?,
                Step::Refused { set, recorded } => walk.refused(&set, recorded)?,
                Step::Restart { set, between } => walk.restart(&set, &between)?,
            }
        }
    }
}

/// A list with other prefixes and geos fits at once, however often it is replaced.
#[test]
fn any_list_replaces_any_other() {
    let set = |from: u8, geo: &str| {
        let geo = Geo { code: GeoCode::new(geo).unwrap(), source: GeoSource::Configured };
        let range =
            |at: u8| Range { prefix: format!("11.{}.0.0/16", from + at).parse().unwrap(), geo, region: None };
        let parts = [(0, Default::default(), (0..16).map(range).collect())];
        RangeSet::union(&parts, [], 16).unwrap()
    };
    let mut published = PublishedState::new(slots_for(16), Vec::new());
    for (round, geo) in ["NAM", "EUR", "JPN", "NAM", "CHE"].into_iter().cycle().take(40).enumerate() {
        let set = set(u8::try_from(round % 12 * 16).unwrap(), geo);
        published.make_room(&set, |_| Ok::<_, ()>(())).unwrap();
        let pending = published.pending(&set).unwrap();
        published.reserve(&pending, |_, _| Ok::<_, ()>(())).unwrap();
        published.commit(pending, 0);
    }
}
