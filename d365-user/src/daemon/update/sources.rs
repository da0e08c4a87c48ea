//! All sources together: what each was last seen to list, what its gate believes of it, and the one set that follows. No
//! I/O: it is told what was read and what time it is, which is run time ([`Now::run`]) wherever it is a [`Timestamp`].

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Failure,
    clock::{Now, Stamp},
    reading::Reading,
    reading::trust,
};
use crate::{
    generation::gate::{Change, Decision, Gate, GatePolicy, Offer, Room, Timestamp, Wait},
    ranges::{Range, RangeError, RangeSet, Warning},
    snapshot::{Lease, SourceStatus},
    source::{Cloud, Origin, Spec},
    state::{
        approval::{Answer, Request},
        gates::Gates,
    },
};

mod confirmed;
mod room;

/// One source.
struct Source {
    spec: Spec,
    name: String,
    /// Of what is believed.
    origin: Origin,
    /// Of what was last read, by this daemon or an earlier one: it becomes the other once nothing of it waits.
    seen: Origin,
    /// True once it confirmed the accepted list. A gate without that begins with the embedded list.
    has_given: bool,
    /// Whether it has been read, or failed to be, since the start.
    has_reported: bool,
    /// What was odd in the last list.
    remarks: Vec<Warning>,
    last_success: Option<Stamp>,
    /// Whether a reading of this run confirmed what is accepted; else an earlier run's did, if any.
    is_confirmed_here: bool,
    failures: BTreeMap<&'static str, u64>,
}

/// All sources.
pub(super) struct Sources {
    all: Vec<Source>,
    gates: Gates,
    policy: GatePolicy,
    /// Sources whose accepted lists do not fit beside the others'. Nothing of them is used.
    left_out: BTreeSet<String>,
    /// The rest of `limit` for the lists that are used.
    room: Room,
    /// The list compiled into the program, and when it was made.
    embedded: (RangeSet, Option<Timestamp>),
    limit: u32,
}

impl Sources {
    /// The sources of the command line, with what their gates accepted before. The gate of a source that is not named any
    /// more is forgotten: nothing of it is used, and nothing of it is to be approved.
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
                failures: Failure::reasons(spec).into_iter().map(|reason| (reason, 0)).collect(),
            }
        };
        let all = specs.iter().map(source).collect();
        let (left_out, room) = (BTreeSet::new(), Room::default());
        let mut sources = Self { all, gates, policy, left_out, room, embedded: (embedded, made), limit };
        sources.admit();
        sources
    }

    /// The date of the embedded list.
    pub(super) fn embedded_date(embedded: &RangeSet) -> Option<Timestamp> {
        embedded.origins().first().and_then(|origin| midnight(origin.date.as_deref()?))
    }

    /// Takes what an earlier daemon has kept of a source: not an offer, for it would confirm itself, and not a list to compare
    /// with, for it was kept before the gate judged it. It tells where what the gate accepted comes from. Where the gates'
    /// files are lost, it tells that there was a gate: the next offer is then compared with the embedded list, if that is
    /// named or of the same tag. Returns how many ranges came in from this program's own list, because that is newer.
    pub(super) fn restore(&mut self, at: usize, kept: Option<&Reading>) -> usize {
        let has_embedded = self.has_embedded();
        let source = &mut self.all[at];
        if let Some(origin) = kept.and_then(|kept| kept.set.origins().first()) {
            source.seen = origin.clone();
        }
        let (embedded, made) = &self.embedded;
        let is_the_same_tag = source.spec == Spec::Azure(Cloud::Public);
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

    /// What is believed comes from where it was last seen, unless something of that waits: then it is from before.
    fn attribute(&mut self) {
        for source in &mut self.all {
            let gate = self.gates.get(&source.name).filter(|_| source.origin != source.seen);
            if gate.is_some_and(|gate| gate.pending().len() == 0 && gate.step_back().is_none()) {
                source.origin = source.seen.clone();
            }
        }
    }

    /// What is odd in a reading, unless it is what was odd in the one before.
    pub(super) fn remarks(&mut self, at: usize, reading: &Reading) -> Vec<Warning> {
        let (known, new) = (&mut self.all[at].remarks, reading.set.warnings());
        if known == new {
            return Vec::new();
        }
        *known = new.to_vec();
        known.clone()
    }

    /// What is odd in all lists together and in none alone.
    pub(super) fn remarks_of_all(&self, set: &RangeSet) -> Vec<Warning> {
        let is_known = |warning: &&Warning| self.all.iter().any(|source| source.remarks.contains(warning));
        set.warnings().iter().filter(|warning| !is_known(warning)).cloned().collect()
    }

    /// Judges a good reading.
    pub(super) fn offer(&mut self, at: usize, reading: &Reading, now: Timestamp) -> Vec<Decision> {
        let source = &mut self.all[at];
        (source.has_reported, source.last_success) = (true, Some(Stamp::ThisRun(now)));
        let origin = reading.set.origins().first().cloned().unwrap_or_default();
        let Some(trust) = trust(&source.spec) else { return Vec::new() };
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

    /// Counts a failure. What the source offered last is no longer known to be offered.
    pub(super) fn failed(&mut self, at: usize, failure: &Failure) {
        let source = &mut self.all[at];
        source.has_reported = true;
        *source.failures.entry(failure.reason()).or_default() += 1;
        self.gates.entry(source.name.clone()).and_modify(Gate::interrupt);
    }

    /// Lets time pass.
    pub(super) fn tick(&mut self, now: Timestamp) -> BTreeMap<String, Vec<Decision>> {
        // A file that is read again after a start comes before the time that passed without it.
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

    /// Does what the operator approved.
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

    /// The set of everything that is believed and fits.
    ///
    /// # Errors
    /// As [`RangeSet::union`].
    pub(super) fn set(&self, now: Timestamp) -> Result<RangeSet, RangeError> {
        let mut parts: Vec<(usize, Origin, Vec<Range>)> = Vec::new();
        let mut retired = Vec::new();
        // Where nothing fits, the error is that there is too much.
        let is_used = |source: &&Source| !self.left_out.contains(&source.name);
        let is_any_used =
            self.all.iter().any(|source| is_used(&source) && !self.accepted_of(source).is_empty());
        let sources = self.all.iter().enumerate();
        for (at, source) in sources.filter(|(_, source)| is_used(source) || !is_any_used) {
            if let Some(gate) = self.gates.get(&source.name).filter(|_| source.spec != Spec::Embedded) {
                let of_embedded = || self.embedded.0.origins().first().cloned().unwrap_or_default();
                let origin = if source.has_given { source.origin.clone() } else { of_embedded() };
                parts.push((at, origin, gate.accepted().cloned().collect()));
                retired.extend(gate.retired(now).map(|(range, _)| (at, range.clone())));
            }
            if source.spec == Spec::Embedded {
                let (embedded, _) = &self.embedded;
                parts.push((
                    at,
                    embedded.origins().first().cloned().unwrap_or_default(),
                    embedded.ranges().to_vec(),
                ));
            }
        }
        parts.retain(|(_, _, ranges)| !ranges.is_empty());
        RangeSet::union(&parts, retired, self.limit)
    }

    fn has_embedded(&self) -> bool {
        self.all.iter().any(|source| source.spec == Spec::Embedded)
    }

    /// Whether a source at this place has given no sign since the start.
    pub(super) fn is_awaited(&self, at: usize) -> bool {
        !self.all[at].has_reported
    }

    /// How long until additions of the source at this place can be confirmed by another reading.
    pub(super) fn confirmation_due(&self, at: usize) -> Option<std::time::Duration> {
        let gate = self.gates.get(&self.all[at].name)?;
        let waiting = gate.pending().filter(|pending| pending.wait == Wait::Confirmation);
        waiting.filter_map(|pending| pending.left).min()
    }

    /// Changes that wait, by reason, each reason once.
    pub(super) fn pending(&self) -> Vec<(&'static str, u64)> {
        let counts =
            self.all.iter().filter_map(|source| self.gates.get(&source.name)).map(Gate::pending_counts);
        let mut sums = Change::ALL.map(|change| (change.as_str(), 0));
        for counts in counts {
            for ((_, sum), (_, count)) in sums.iter_mut().zip(counts) {
                *sum += count as u64;
            }
        }
        sums.to_vec()
    }

    /// Each source as the metrics show it; `leases` are in their order.
    pub(super) fn statuses(&self, now: &Now, leases: &[Lease]) -> Vec<SourceStatus> {
        let status = |(place, source): (usize, &Source)| SourceStatus {
            lease: leases.get(place).copied().unwrap_or_default(),
            name: source.name.clone(),
            last_success: source.last_success.map(|at| now.shown(at).0),
            failures: source.failures.iter().map(|(reason, count)| (*reason, *count)).collect(),
            is_left_out: self.left_out.contains(&source.name),
        };
        self.all.iter().enumerate().map(status).collect()
    }

    /// What is to be kept of the gates: their moments as the wall clock has them.
    pub(super) fn gates(&self, now: &Now) -> Gates {
        let is_earlier = |name: &String| {
            let mut of_name = self.all.iter().filter(|source| source.name == *name);
            of_name.any(|source| !source.is_confirmed_here)
        };
        let gate = |(name, gate): (&String, &Gate)| {
            (name.clone(), gate.clone().shifted(now.offset(), is_earlier(name)))
        };
        self.gates.iter().map(gate).collect()
    }

    /// The name of the source at this place.
    pub(super) fn name(&self, at: usize) -> &str {
        &self.all[at].name
    }
}

/// The beginning of a day written as 2026-08-03, in UTC.
fn midnight(date: &str) -> Option<Timestamp> {
    humantime::parse_rfc3339_weak(&format!("{date}T00:00:00Z")).ok().map(Timestamp::from)
}

#[cfg(test)]
mod tests;
