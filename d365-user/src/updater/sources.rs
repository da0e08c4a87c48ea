//! All sources together: the last list of each source, the list that its gate accepts, and the one set that
//! follows. No I/O: the caller passes the readings and the time. Every [`Timestamp`] here is run time
//! ([`Now::run`]).

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Failure,
    clock::{Now, Stamp},
    reading::FetchedList,
};
use crate::{
    gate::{
        Change, Decision, Gate, GatePolicy, Offer, Part, PartList, Room, Timestamp, Wait,
        approval::{Answer, Request},
        gates::Gates,
        merge,
    },
    published::Lease,
    ranges::{RangeError, RangeSet, Warning},
    snapshot::SourceStatus,
    source::{Origin, Reason, Schedule, Spec},
};

mod confirmed;
mod room;

struct Source {
    spec: Spec,
    name: String,
    /// Origin of the accepted list.
    origin: Origin,
    /// Origin of the last reading, by this daemon or an earlier one. It becomes `origin` once nothing of that
    /// reading waits.
    seen: Origin,
    /// True once the source has confirmed the accepted list. Until then, accepted ranges come from the
    /// embedded list.
    has_given: bool,
    /// True once the source was read, or failed to be read, since the start.
    has_reported: bool,
    /// Warnings about the last list.
    remarks: Vec<Warning>,
    last_success: Option<Stamp>,
    /// True if a reading of this run confirmed the accepted list. Otherwise the confirmation, if any, is of
    /// an earlier run.
    is_confirmed_here: bool,
    failures: BTreeMap<Reason, u64>,
    /// The message of a file's last failure, until it is read.
    file_failure: Option<String>,
}

pub(super) struct Sources {
    all: Vec<Source>,
    gates: Gates,
    policy: GatePolicy,
    /// Sources whose accepted lists do not fit together with the others. Nothing of them is used.
    left_out: BTreeSet<String>,
    /// The room within `limit` that the used lists leave.
    room: Room,
    /// The list compiled into the program, and its date.
    embedded: (RangeSet, Option<Timestamp>),
    limit: u32,
}

impl Sources {
    /// Takes the sources of the command line, with the lists that their gates accepted before. The gate of a
    /// source that is no longer named is removed: nothing of it is used, and nothing of it can be approved.
    pub(super) fn new(
        specs: &[Spec],
        mut gates: Gates,
        policy: GatePolicy,
        embedded: RangeSet,
        limit: u32,
        now: Timestamp,
    ) -> Self {
        let made = Self::embedded_date(&embedded);
        let names: BTreeSet<String> = specs.iter().map(ToString::to_string).collect();
        gates.retain(|name, _| names.contains(name));
        let source = |spec: &Spec| {
            let name = spec.to_string();
            let (origin, last_success) = match spec {
                Spec::Embedded => {
                    let origin = embedded.origins().first().cloned().unwrap_or_default();
                    (origin, Some(Stamp::ThisRun(now)))
                }
                _ => {
                    let confirmed = gates.get(&name).and_then(Gate::confirmed).map(Stamp::EarlierRun);
                    (Origin { name: name.clone(), ..Origin::default() }, confirmed)
                }
            };
            let has_given = *spec == Spec::Embedded || last_success.is_some();
            Source {
                spec: spec.clone(),
                name,
                has_given,
                seen: origin.clone(),
                origin,
                has_reported: *spec == Spec::Embedded,
                remarks: Vec::new(),
                last_success,
                is_confirmed_here: false,
                failures: spec.kind().failure_reasons().into_iter().map(|reason| (reason, 0)).collect(),
                file_failure: None,
            }
        };
        let all = specs.iter().map(source).collect();
        let (left_out, room) = (BTreeSet::new(), Room::default());
        let mut sources = Self { all, gates, policy, left_out, room, embedded: (embedded, made), limit };
        sources.admit();
        sources
    }

    pub(super) fn embedded_date(embedded: &RangeSet) -> Option<Timestamp> {
        embedded.origins().first().and_then(|origin| midnight(origin.date.as_deref()?))
    }

    /// Takes the document that an earlier daemon saved of a source. It is not an offer, because it would
    /// confirm itself. It is not a list to compare with, because it was saved before the gate judged it. It
    /// shows the origin of the ranges that the gate accepted. If the gates' files are lost, it shows that
    /// there was a gate: the next offer is then compared with the embedded list, if that is named or of the
    /// same tag. Returns the number of ranges that came in from the embedded list because that list is newer.
    pub(super) fn restore(&mut self, at: usize, kept: Option<&FetchedList>) -> usize {
        let has_embedded = self.has_embedded();
        let source = &mut self.all[at];
        if let Some(origin) = kept.and_then(|kept| kept.set.origins().first()) {
            source.seen = origin.clone();
        }
        let (embedded, made) = &self.embedded;
        let is_the_same_tag = source.spec.kind().is_origin_of_embedded();
        let is_compared = has_embedded && is_the_same_tag;
        let is_lost = kept.is_some() && (has_embedded || is_the_same_tag);
        if (is_compared || is_lost) && !self.gates.contains_key(&source.name) {
            let gate = Gate::with_baseline(self.policy, embedded.ranges().to_vec(), None);
            self.gates.insert(source.name.clone(), gate);
        }
        let dated = source.seen.date.as_deref().and_then(midnight);
        let gate = self.gates.get_mut(&source.name).filter(|_| is_the_same_tag && !has_embedded);
        let adopted = gate.map_or(0, |gate| {
            let is_older = dated.or(gate.confirmed()) < *made;
            if is_older { gate.adopt(embedded.ranges().to_vec()) } else { 0 }
        });
        self.admit();
        self.attribute();
        adopted
    }

    /// Sets the origin of an accepted list to that of the last reading, unless something of that reading
    /// waits: then the accepted list is older.
    fn attribute(&mut self) {
        for source in &mut self.all {
            let gate = self.gates.get(&source.name).filter(|_| source.origin != source.seen);
            if gate.is_some_and(|gate| gate.pending().len() == 0 && gate.step_back().is_none()) {
                source.origin = source.seen.clone();
            }
        }
    }

    /// The warnings about a reading, unless they are those about the reading before it.
    pub(super) fn remarks(&mut self, at: usize, reading: &FetchedList) -> Vec<Warning> {
        let (known, new) = (&mut self.all[at].remarks, reading.set.warnings());
        if known == new {
            return Vec::new();
        }
        *known = new.to_vec();
        known.clone()
    }

    /// The warnings about all lists together that no list has alone.
    pub(super) fn remarks_of_all(&self, set: &RangeSet) -> Vec<Warning> {
        let is_known = |warning: &&Warning| self.all.iter().any(|source| source.remarks.contains(warning));
        set.warnings().iter().filter(|warning| !is_known(warning)).cloned().collect()
    }

    /// Offers a good reading to the source's gate.
    pub(super) fn offer(&mut self, at: usize, reading: &FetchedList, now: Timestamp) -> Vec<Decision> {
        let source = &mut self.all[at];
        (source.has_reported, source.last_success) = (true, Some(Stamp::ThisRun(now)));
        let origin = reading.set.origins().first().cloned().unwrap_or_default();
        let Some(trust) = source.spec.kind().trust() else { return Vec::new() };
        let change_number = origin.tag_change_number;
        source.seen = origin;
        let gate = self.gates.entry(source.name.clone()).or_insert_with(|| {
            let mut gate = Gate::new(self.policy);
            gate.set_room(self.room.clone());
            gate
        });
        let decisions =
            gate.offer(Offer { ranges: reading.set.ranges().to_vec(), change_number, trust }, now);
        source.is_confirmed_here |= decisions.contains(&Decision::Confirmed);
        source.has_given |= gate.confirmed().is_some();
        self.settle(&decisions);
        decisions
    }

    /// Counts a failure. The gate no longer knows that the source still offers its last list. Returns false
    /// if a file fails again in the same way, which is logged already.
    pub(super) fn failed(&mut self, at: usize, failure: &Failure) -> bool {
        let source = &mut self.all[at];
        source.has_reported = true;
        *source.failures.entry(failure.reason()).or_default() += 1;
        self.gates.entry(source.name.clone()).and_modify(Gate::interrupt);
        let message = failure.to_string();
        let is_file = matches!(source.spec.kind().schedule(), Schedule::OnChange(_));
        !is_file || source.file_failure.replace(message.clone()) != Some(message)
    }

    /// Records that the source was read. Returns true if it is a file whose last reading failed.
    pub(super) fn recovers(&mut self, at: usize) -> bool {
        self.all[at].file_failure.take().is_some()
    }

    /// Gives the time to the gates.
    pub(super) fn tick(&mut self, now: Timestamp) -> BTreeMap<String, Vec<Decision>> {
        // After a start, the first reading of a source comes before the time that passed without it.
        let ready = self.all.iter().filter(|source| source.has_reported);
        let ready: BTreeSet<String> = ready.map(|source| source.name.clone()).collect();
        let mut decisions = BTreeMap::new();
        for name in ready {
            let Some(gate) = self.gates.get_mut(&name) else { continue };
            let done = gate.tick(now);
            self.settle(&done);
            decisions.insert(name, done);
        }
        decisions
    }

    /// Carries out the operator's approvals.
    pub(super) fn carry_out(
        &mut self,
        request: &Request,
        now: Timestamp,
    ) -> (BTreeMap<String, Vec<Decision>>, Answer) {
        let mut by_source = BTreeMap::<_, Vec<_>>::new();
        let mut answer = Answer { id: request.id.clone(), outcomes: Vec::new() };
        for approval in &request.approvals {
            let (decisions, outcome) = approval.carry_out(&mut self.gates, now);
            self.settle(&decisions);
            by_source.entry(outcome.source.clone()).or_default().extend(decisions);
            answer.outcomes.push(outcome);
        }
        (by_source, answer)
    }

    /// The set of all accepted ranges that fit.
    ///
    /// # Errors
    /// As [`RangeSet::union`].
    pub(super) fn set(&self, now: Timestamp) -> Result<RangeSet, RangeError> {
        // If no list fits, all are included, so that the error reports too many ranges.
        let is_used = |source: &&Source| !self.left_out.contains(&source.name);
        let is_any_used =
            self.all.iter().any(|source| is_used(&source) && !self.accepted_of(source).is_empty());
        let used = self.all.iter().enumerate().filter(|(_, source)| is_used(source) || !is_any_used);
        let part = |(place, source): (usize, &Source)| {
            let (embedded, _) = &self.embedded;
            let of_embedded = || embedded.origins().first().cloned().unwrap_or_default();
            if source.spec == Spec::Embedded {
                return Some(Part {
                    place,
                    origin: of_embedded(),
                    list: PartList::Trusted(embedded.ranges()),
                });
            }
            let list = PartList::Accepted(self.gates.get(&source.name)?);
            let origin = if source.has_given { source.origin.clone() } else { of_embedded() };
            Some(Part { place, origin, list })
        };
        merge(used.filter_map(part), now, self.limit)
    }

    fn has_embedded(&self) -> bool {
        self.all.iter().any(|source| source.spec == Spec::Embedded)
    }

    /// True until the source at this place was read, or failed to be read, since the start.
    pub(super) fn is_awaited(&self, at: usize) -> bool {
        !self.all[at].has_reported
    }

    /// The time until another reading can confirm additions of the source at this place.
    pub(super) fn confirmation_due(&self, at: usize) -> Option<std::time::Duration> {
        let gate = self.gates.get(&self.all[at].name)?;
        let waiting = gate.pending().filter(|pending| pending.wait == Wait::Confirmation);
        waiting.filter_map(|pending| pending.left).min()
    }

    /// The number of changes that wait, by reason, each reason once.
    pub(super) fn pending(&self) -> Vec<(&'static str, u64)> {
        let counts =
            self.all.iter().filter_map(|source| self.gates.get(&source.name)).map(Gate::pending_counts);
        let mut sums = Change::ALL.map(|(_, word)| (word, 0));
        for counts in counts {
            for ((_, sum), (_, count)) in sums.iter_mut().zip(counts) {
                *sum += count as u64;
            }
        }
        sums.to_vec()
    }

    /// Each source as the metrics show it; `leases` are in the order of the sources.
    pub(super) fn statuses(&self, now: &Now, leases: &[Lease]) -> Vec<SourceStatus> {
        let status = |(place, source): (usize, &Source)| SourceStatus {
            lease: leases.get(place).copied().unwrap_or_default(),
            name: source.name.clone(),
            date: source.origin.date.clone(),
            change_number: source.origin.change_number,
            last_success: source.last_success.map(|at| now.shown(at).0),
            failures: source.failures.iter().map(|(reason, count)| (reason.as_str(), *count)).collect(),
            is_left_out: self.left_out.contains(&source.name),
        };
        self.all.iter().enumerate().map(status).collect()
    }

    /// The gates to be saved, with their times as the wall clock has them.
    pub(super) fn gates(&self, now: &Now) -> Gates {
        let is_earlier = |name: &String| {
            let mut of_name = self.all.iter().filter(|source| source.name == *name);
            of_name.any(|source| !source.is_confirmed_here)
        };
        let gate = |(name, gate): (&String, &Gate)| {
            (name.clone(), gate.clone().shifted(now.offset, is_earlier(name)))
        };
        self.gates.iter().map(gate).collect()
    }

    pub(super) fn name(&self, at: usize) -> &str {
        &self.all[at].name
    }
}

/// The start of a day that is written like 2026-08-03, in UTC.
fn midnight(date: &str) -> Option<Timestamp> {
    humantime::parse_rfc3339_weak(&format!("{date}T00:00:00Z")).ok().map(Timestamp::from)
}

#[cfg(test)]
mod tests;
