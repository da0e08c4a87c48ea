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
    generation::gate::{Change, Decision, Gate, GatePolicy, Offer, Timestamp, Wait},
    ranges::{Range, RangeError, RangeSet, SourceSet, Warning},
    snapshot::{Lease, SourceStatus},
    source::{Cloud, Origin, Spec},
    state::{
        approval::{Answer, Request},
        gates::Gates,
    },
};

/// One source.
struct Source {
    spec: Spec,
    name: String,
    /// Of what is believed.
    origin: Origin,
    /// Of what was last read, by this daemon or an earlier one: it becomes the other once nothing of it waits.
    seen: Origin,
    /// True once it gave a list that the accepted one follows. A gate without that begins with the
    /// embedded list.
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
        Self { all, gates, policy, embedded: (embedded, made), limit }
    }

    /// The date of the embedded list.
    pub(super) fn embedded_date(embedded: &RangeSet) -> Option<Timestamp> {
        embedded.origins().first().and_then(|origin| midnight(origin.date.as_deref()?))
    }

    /// Takes what an earlier daemon has kept of a source: not an offer, for it would confirm itself. It is the list that the
    /// first offer is compared with where no gate has one, and tells where what the gate accepted comes from. Returns how many
    /// ranges came in from this program's own list, because that is newer.
    pub(super) fn restore(&mut self, at: usize, kept: Option<&Reading>) -> usize {
        let has_embedded = self.has_embedded();
        let source = &mut self.all[at];
        source.has_given |= kept.is_some();
        if let Some(origin) = kept.and_then(|kept| kept.set.origins().first()) {
            source.seen = origin.clone();
        }
        let (embedded, made) = &self.embedded;
        let is_the_same_tag = source.spec == Spec::Azure(Cloud::Public);
        let baseline = match kept {
            _ if self.gates.contains_key(&source.name) => None,
            // What is too broad for a download waits for approval here as in a first offer.
            Some(kept) => {
                let ranges = kept.set.ranges().iter().filter(|range| !GatePolicy::is_broad(&range.prefix));
                Some((ranges.cloned().collect(), source.seen.tag_change_number))
            }
            // As it was at a release, and believed already.
            None if has_embedded && is_the_same_tag => Some((embedded.ranges().to_vec(), None)),
            None => None,
        };
        if let Some((ranges, number)) = baseline {
            let gate = Gate::with_baseline(self.policy, ranges, number);
            self.gates.insert(source.name.clone(), gate);
        }
        let dated = source.seen.date.as_deref().and_then(midnight);
        let gate = self.gates.get_mut(&source.name).filter(|_| is_the_same_tag && !has_embedded);
        let adopted = gate.map_or(0, |gate| {
            let is_older = dated.or(gate.confirmed()) < *made;
            if is_older { gate.adopt(embedded.ranges().to_vec()) } else { 0 }
        });
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
        let gate = self.gates.entry(source.name.clone()).or_insert_with(|| Gate::new(self.policy));
        let decisions =
            gate.offer(Offer { ranges: reading.set.ranges().to_vec(), change_number, trust }, now);
        source.is_confirmed_here |= decisions.contains(&Decision::Confirmed);
        source.has_given |= gate.confirmed().is_some();
        self.attribute();
        decisions
    }

    /// Counts a failure.
    pub(super) fn failed(&mut self, at: usize, failure: &Failure) {
        let source = &mut self.all[at];
        source.has_reported = true;
        *source.failures.entry(failure.reason()).or_default() += 1;
    }

    /// Lets time pass.
    pub(super) fn tick(&mut self, now: Timestamp) -> BTreeMap<String, Vec<Decision>> {
        // A file that is read again after a start comes before the time that passed without it.
        let ready = self.all.iter().filter(|source| source.has_reported);
        let ready: BTreeSet<String> = ready.map(|source| source.name.clone()).collect();
        let gates = self.gates.iter_mut().filter(|(name, _)| ready.contains(*name));
        let decisions = gates.map(|(name, gate)| (name.clone(), gate.tick(now))).collect();
        self.attribute();
        decisions
    }

    /// Does what the operator approved.
    pub(super) fn carry_out(
        &mut self,
        request: &Request,
        now: Timestamp,
    ) -> (BTreeMap<String, Vec<Decision>>, Answer) {
        let (decisions, answer) = request.carry_out(&mut self.gates, now);
        self.attribute();
        let mut by_source = BTreeMap::<_, Vec<_>>::new();
        decisions.into_iter().for_each(|(source, done)| by_source.entry(source).or_default().push(done));
        (by_source, answer)
    }

    /// The set of everything that is believed.
    ///
    /// # Errors
    /// As [`RangeSet::union`].
    pub(super) fn set(&self, now: Timestamp) -> Result<RangeSet, RangeError> {
        let mut parts: Vec<(usize, Origin, Vec<Range>)> = Vec::new();
        let mut retired = Vec::new();
        for (at, source) in self.all.iter().enumerate() {
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

    /// When each source last confirmed what is accepted of it, in their order; the embedded list does as of its date.
    pub(super) fn confirmations(&self) -> Vec<Option<Stamp>> {
        let confirmation = |source: &Source| match source.spec {
            Spec::Embedded => self.embedded.1.map(Stamp::EarlierRun),
            _ => {
                let stamp = if source.is_confirmed_here { Stamp::ThisRun } else { Stamp::EarlierRun };
                self.gates.get(&source.name)?.confirmed().map(stamp)
            }
        };
        self.all.iter().map(confirmation).collect()
    }

    /// Lowers confirmations of earlier runs that are later than the calendar's time to that, once: else they would never
    /// run out. Returns the sources that had one.
    pub(super) fn lower_future(&mut self, now: &Now) -> Vec<String> {
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

    /// The sources whose leases drops need: all that can be read again, and the embedded list where it lists a range
    /// of `set` that no other source lists.
    pub(super) fn needed(&self, set: Option<&RangeSet>) -> Vec<usize> {
        let lists_alone = |place| set.is_some_and(|set| set.listed_by().contains(&SourceSet::of(place)));
        let places = self.all.iter().enumerate();
        let needed = places.filter(|(place, source)| source.spec != Spec::Embedded || lists_alone(*place));
        needed.map(|(place, _)| place).collect()
    }

    /// Each source as the metrics show it; `leases` are in their order.
    pub(super) fn statuses(&self, now: &Now, leases: &[Lease]) -> Vec<SourceStatus> {
        let status = |(place, source): (usize, &Source)| SourceStatus {
            lease: leases.get(place).copied().unwrap_or_default(),
            name: source.name.clone(),
            last_success: source.last_success.map(|at| now.shown(at).0),
            failures: source.failures.iter().map(|(reason, count)| (*reason, *count)).collect(),
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
