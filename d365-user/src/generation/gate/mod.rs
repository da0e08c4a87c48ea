//! The gate: what of an offered list is believed now, what waits, and what is kept although the offer lacks it. One gate a
//! source. It is a pure state machine: it reads no clock, no file and no network, and it never sees a packet or a map.
//!
//! - An **offer** is one good reading of the source: a fetched document (also one of which the server says that it is
//!   unchanged), or a file as it now is. A document out of the cache is no offer: it would confirm itself.
//! - What differs from the accepted list is a change of one prefix. It passes at once, or waits ([`Wait`]): for a second
//!   fetch, for `hold`, or for the operator. A change that an offer no longer shows is withdrawn and begins anew.
//! - An offer with a lower change number, much shorter than the accepted list, or with very many new ranges is **held
//!   whole**: each of its changes waits for `hold`, and it does not confirm the list.
//! - The first offer is the baseline: it passes as it is, but for what is too broad to come from a download.
//! - An accepted list never becomes empty again, whoever offers what.
//!
//! **Time** is counted between offers that show a change, at most [`GatePolicy::longest_gap`] for each pair: neither a
//! daemon that was off, nor a clock that is set, lets a hold pass unseen. Time that goes back counts as none.

use std::collections::BTreeMap;

use ipnet::IpNet;

use crate::ranges::Range;

mod apply;
mod change;
mod decision;
mod judge;
mod number;
mod policy;
mod stored;
mod time;

pub use change::{Action, Change, Pending, Wait};
pub use decision::{By, Decision, Refusal};
pub use number::StepBack;
pub use policy::{GatePolicy, Trust};
pub use stored::{Inconsistent, Stored};
pub use time::Timestamp;

use change::Waiting;

/// One good reading of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What it lists, with geos attributed. Host bits are cleared; of equal prefixes the first stands.
    pub ranges: Vec<Range>,
    /// The tag's own change number, where the list has one. Not the document's, which is neither unique nor ordered.
    pub change_number: Option<u64>,
    /// How it came here.
    pub trust: Trust,
}

/// What one source is believed to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    policy: GatePolicy,
    state: State,
}

/// All that outlives the process. A prefix is accepted, retired, or neither; what waits is keyed by its prefix, for of one
/// prefix there is only one difference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct State {
    accepted: BTreeMap<IpNet, Range>,
    retired: BTreeMap<IpNet, Retired>,
    waiting: BTreeMap<IpNet, Waiting>,
    number: number::Number,
    /// The last moment until which waits were counted, and what the last offer was.
    mark: Option<Mark>,
    /// The last offer that confirmed the list.
    confirmed: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Retired {
    range: Range,
    until: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    at: Timestamp,
    trust: Trust,
}

/// An approval of changes that are not those that wait now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApprovalError {
    /// Nothing waits.
    #[error("no change waits for approval; there is nothing to do")]
    NothingPending,
    /// Other changes wait than were approved.
    #[error(
        "the changes that wait are no longer those that were approved; look at them again and approve anew"
    )]
    Stale,
}

impl Gate {
    /// A gate that has accepted nothing: the first offer will be the baseline.
    #[must_use]
    pub fn new(policy: GatePolicy) -> Self {
        Self { policy, state: State::default() }
    }

    /// A gate whose baseline is a list that is trusted already, such as the embedded one: the first offer is compared with it.
    /// `change_number` is the tag's own (4 in 2026): with the document's (412) each download would be a step back.
    #[must_use]
    pub fn with_baseline(policy: GatePolicy, ranges: Vec<Range>, change_number: Option<u64>) -> Self {
        let mut gate = Self::new(policy);
        gate.state.accepted = judge::by_prefix(ranges);
        gate.state.number.accepted = change_number;
        gate
    }

    /// Takes in what a list that is trusted already, and newer than the accepted one, has besides. Nothing goes out by it:
    /// that is for offers to show. Returns how many ranges came in.
    pub fn adopt(&mut self, ranges: Vec<Range>) -> usize {
        let before = self.state.accepted.len();
        for (prefix, range) in judge::by_prefix(ranges) {
            if !self.state.accepted.contains_key(&prefix) {
                self.state.waiting.remove(&prefix);
                self.state.retired.remove(&prefix);
                self.state.accepted.insert(prefix, range);
            }
        }
        self.state.accepted.len() - before
    }

    /// Judges an offer.
    pub fn offer(&mut self, offer: Offer, now: Timestamp) -> Vec<Decision> {
        let mut decisions = self.end_grace(now);
        let offered = judge::by_prefix(offer.ranges);
        if offered.is_empty() {
            decisions.push(Decision::Refused(Refusal::Empty));
            return decisions;
        }
        let step = self.step(now);
        self.state.mark = Some(Mark { at: now, trust: offer.trust });
        if self.state.accepted.is_empty() {
            self.state.number.accepted = offer.change_number;
            self.accept_first(offered, offer.trust, now, &mut decisions);
        } else {
            let (stepped_back, accepted) =
                self.state.number.judge(offer.change_number, offer.trust, step, &self.policy);
            decisions.extend(accepted);
            self.judge(&offered, offer.trust, stepped_back, step, now, &mut decisions);
        }
        decisions
    }

    /// Lets time pass: grace ends, and what a local list shows goes on waiting, because a file stands until it is replaced.
    /// What a download showed waits for the next fetch.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Decision> {
        let mut decisions = self.end_grace(now);
        if let Some(Mark { trust: Trust::Local, .. }) = self.state.mark {
            let step = self.step(now);
            self.state.mark = Some(Mark { at: now, trust: Trust::Local });
            decisions.extend(self.state.number.stand(step, &self.policy));
            for waiting in self.state.waiting.values_mut() {
                waiting.seen = waiting.seen.saturating_add(step);
                waiting.again = true;
            }
            self.pass_due(now, &mut decisions);
        }
        decisions
    }

    /// Publishes everything that waits, if it is what `digest` ([`Self::pending_digest`]) was made of.
    ///
    /// # Errors
    /// [`ApprovalError`]; nothing is changed then.
    pub fn approve(&mut self, digest: &str, now: Timestamp) -> Result<Vec<Decision>, ApprovalError> {
        let pending = self.pending_digest().ok_or(ApprovalError::NothingPending)?;
        if pending != digest {
            return Err(ApprovalError::Stale);
        }
        let mut decisions = self.end_grace(now);
        decisions.extend(self.state.number.approve());
        let waiting = std::mem::take(&mut self.state.waiting);
        let (removals, others): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|(_, waiting)| waiting.action == Action::Remove);
        for (prefix, waiting) in others.into_iter().chain(removals) {
            decisions.extend(self.apply(prefix, waiting.action, By::Approval, now));
        }
        Ok(decisions)
    }

    /// The accepted list, sorted by prefix.
    pub fn accepted(&self) -> impl ExactSizeIterator<Item = &Range> {
        self.state.accepted.values()
    }

    /// What was removed less than `grace` ago, and until when it is still recognised.
    pub fn retired(&self, now: Timestamp) -> impl Iterator<Item = (&Range, Timestamp)> {
        let retired = self.state.retired.values().filter(move |retired| retired.until > now);
        retired.map(|retired| (&retired.range, retired.until))
    }

    /// What waits, sorted by prefix.
    pub fn pending(&self) -> impl ExactSizeIterator<Item = Pending<'_>> {
        let policy = &self.policy;
        self.state.waiting.iter().map(|(prefix, waiting)| waiting.pending(*prefix, policy))
    }

    /// The lower change number that is offered and held.
    #[must_use]
    pub fn step_back(&self) -> Option<StepBack> {
        self.state.number.step_back()
    }

    /// How many changes wait, by the reason, each reason once. A step back counts as at least one.
    #[must_use]
    pub fn pending_counts(&self) -> [(Change, usize); Change::ALL.len()] {
        Change::ALL.map(|change| {
            let count = self.state.waiting.values().filter(|waiting| waiting.change == change).count();
            let least = usize::from(change == Change::StepBack && self.step_back().is_some());
            (change, count.max(least))
        })
    }

    /// SHA-256 over everything that waits, lower-case hexadecimal: what an approval names. `None` when nothing waits. How long
    /// a change has waited, and why, is not in it: only what would be done.
    #[must_use]
    pub fn pending_digest(&self) -> Option<String> {
        change::digest(&self.state.waiting, self.step_back())
    }

    /// When an offer last confirmed the list: the lease is counted from here.
    #[must_use]
    pub fn confirmed(&self) -> Option<Timestamp> {
        self.state.confirmed
    }

    /// Lowers the last confirmation to `latest` where it is later; whether it was.
    pub fn lower_confirmation(&mut self, latest: Timestamp) -> bool {
        let is_later = self.state.confirmed.is_some_and(|at| at > latest);
        if is_later {
            self.state.confirmed = Some(latest);
        }
        is_later
    }

    /// This gate with its moments so many seconds later: run time is written down as the wall clock's. With
    /// `keeps_confirmation` the last confirmation is the wall clock's already.
    #[must_use]
    pub fn shifted(mut self, seconds: i64, keeps_confirmation: bool) -> Self {
        let State { retired, mark, confirmed, .. } = &mut self.state;
        retired.values_mut().for_each(|retired| retired.until = retired.until.shifted(seconds));
        *mark = mark.map(|mark| Mark { at: mark.at.shifted(seconds), ..mark });
        if !keeps_confirmation {
            *confirmed = confirmed.map(|at| at.shifted(seconds));
        }
        self
    }

    /// The tag's change number that stands.
    #[must_use]
    pub fn change_number(&self) -> Option<u64> {
        self.state.number.accepted
    }

    /// The limits that this gate keeps.
    #[must_use]
    pub fn policy(&self) -> &GatePolicy {
        &self.policy
    }

    /// Seconds to count since the last mark.
    fn step(&self, now: Timestamp) -> u64 {
        self.state.mark.map_or(0, |mark| now.since(mark.at).min(self.policy.longest_gap.as_secs()))
    }
}

#[cfg(test)]
mod tests;
