//! The gate of one source: a state machine that offers and the time move on.

use super::{
    change::{Change, Pending, Waiting},
    decision::{Decision, Refusal},
    number::StepBack,
    offer::{Offer, by_prefix},
    policy::{GatePolicy, Trust},
    room::Room,
    state::{Inconsistent, State},
    time::{Step, Timestamp},
};
use crate::ranges::Range;

/// The accepted list of one source, and the changes that wait.
#[derive(Clone, Debug)]
pub struct Gate {
    pub(super) policy: GatePolicy,
    pub(super) state: State,
    pub(super) room: Room,
    /// True while the time since the mark counts as offered: the mark is of this run, and no reading has
    /// failed since.
    pub(super) is_unbroken: bool,
}

/// Two gates are equal if their policies and their stored states are equal.
impl PartialEq for Gate {
    fn eq(&self, other: &Self) -> bool {
        (&self.policy, &self.state) == (&other.policy, &other.state)
    }
}

impl Eq for Gate {}

impl Gate {
    /// A gate that has accepted nothing: the first offer will be the baseline.
    #[must_use]
    pub fn new(policy: GatePolicy) -> Self {
        Self { policy, state: State::default(), room: Room::default(), is_unbroken: false }
    }

    /// A gate whose baseline is a list that is trusted already, such as the embedded one: the first offer is
    /// compared with it. `change_number` is the tag's own (4 in 2026): with the document's (412) each
    /// download would be a step back.
    #[must_use]
    pub fn with_baseline(policy: GatePolicy, ranges: Vec<Range>, change_number: Option<u64>) -> Self {
        let mut gate = Self::new(policy);
        gate.state.accepted = by_prefix(ranges);
        gate.state.number.accepted = change_number;
        gate
    }

    /// The gate with a state that was stored, under a policy that may differ from the earlier one.
    ///
    /// # Errors
    /// [`Inconsistent`] if no gate can have this state.
    pub fn restore(policy: GatePolicy, state: State) -> Result<Self, Inconsistent> {
        state.check()?;
        Ok(Self { state, ..Self::new(policy) })
    }

    /// The state to store.
    #[must_use]
    pub fn stored(&self) -> State {
        self.state.clone()
    }

    /// The state to store without the waiting changes: a list to fall back to.
    #[must_use]
    pub fn stored_accepted(&self) -> State {
        self.state.without_waiting()
    }

    /// Adds the ranges of a list that is already trusted and newer than the accepted one. No range is removed
    /// by this: only an offer can show a removal. Returns the number of added ranges.
    pub fn adopt(&mut self, ranges: Vec<Range>) -> usize {
        let before = self.state.accepted.len();
        for (prefix, range) in by_prefix(ranges) {
            if !self.state.accepted.contains_key(&prefix) && self.room.take(&prefix) {
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
        let offered = by_prefix(offer.ranges);
        if offered.is_empty() {
            self.interrupt();
            decisions.push(Decision::Refused(Refusal::Empty));
            return decisions;
        }
        let step = self.step(now);
        self.state.mark = Some((now, offer.trust));
        self.is_unbroken = true;
        let stepped_back = if self.state.accepted.is_empty() {
            self.state.number.accepted = offer.change_number;
            false
        } else {
            let (stepped_back, accepted) =
                self.state.number.judge(offer.change_number, offer.trust, step, &self.policy);
            decisions.extend(accepted);
            stepped_back
        };
        self.judge(&offered, offer.trust, stepped_back, step, now, &mut decisions);
        decisions
    }

    /// Advances the time: grace periods end. The changes of a local list continue to wait, because a file
    /// counts as offered until it is replaced. The changes of a download wait for the next fetch.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Decision> {
        let mut decisions = self.end_grace(now);
        if let (Some((_, Trust::Local)), true) = (self.state.mark, self.is_unbroken) {
            let step = self.step(now);
            self.state.mark = Some((now, Trust::Local));
            decisions.extend(self.state.number.stand(step, &self.policy));
            for waiting in self.state.waiting.values_mut() {
                (waiting.seen, waiting.elapsed) = waiting.after(step);
                waiting.again = true;
            }
            self.pass_due(now, &mut decisions);
        }
        decisions
    }

    /// Records that the source gave no list. The time from its last offer to the next one does not count as
    /// offered.
    pub fn interrupt(&mut self) {
        self.is_unbroken = false;
    }

    /// Limits the accepted list from now on to this room.
    pub fn set_room(&mut self, room: Room) {
        self.room = room;
        self.state.is_left_out = false;
    }

    /// Records that nothing of the list is used, because it does not fit together with the others: until it
    /// does, there is no room.
    pub fn leave_out(&mut self) {
        self.set_room(Room::none());
        self.state.is_left_out = true;
    }

    /// Returns true while nothing of the list is used.
    #[must_use]
    pub fn is_left_out(&self) -> bool {
        self.state.is_left_out
    }

    /// The accepted list, sorted by prefix.
    pub fn accepted(&self) -> impl ExactSizeIterator<Item = &Range> {
        self.state.accepted.values()
    }

    /// The ranges that were removed less than `grace` ago, and the time until which each is still recognised.
    pub fn retired(&self, now: Timestamp) -> impl Iterator<Item = (&Range, Timestamp)> {
        let retired = self.state.retired.values().filter(move |retired| retired.until > now);
        retired.map(|retired| (&retired.range, retired.until))
    }

    /// The waiting and the rejected ([`Wait::Rejected`]) changes, sorted by prefix.
    pub fn pending(&self) -> impl ExactSizeIterator<Item = Pending<'_>> {
        self.state.waiting.values().map(|waiting| waiting.pending(&self.policy))
    }

    /// Returns true if a change waits that was not rejected.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.step_back().is_some() || self.state.waiting.values().any(|waiting| !waiting.is_rejected())
    }

    /// The lower change number that is offered and held.
    #[must_use]
    pub fn step_back(&self) -> Option<StepBack> {
        self.state.number.step_back()
    }

    /// The number of waiting changes for each reason. A step back counts as at least one; a rejected change
    /// does not count.
    #[must_use]
    pub fn pending_counts(&self) -> [(Change, usize); Change::ALL.len()] {
        Change::ALL.map(|(change, _)| {
            let waits = |waiting: &&Waiting| waiting.change == change && !waiting.is_rejected();
            let count = self.state.waiting.values().filter(waits).count();
            let least = usize::from(change == Change::StepBack && self.step_back().is_some());
            (change, count.max(least))
        })
    }

    /// SHA-256 of all waiting and rejected changes and of the step back, in lower-case hexadecimal: an
    /// approval names it. `None` if nothing waits or was rejected. The digest covers the actions and which of
    /// them were rejected, but not how long a change has waited, nor why.
    #[must_use]
    pub fn pending_digest(&self) -> Option<String> {
        self.state.pending_digest()
    }

    /// The time of the last offer that confirmed the list: the lease is counted from here.
    #[must_use]
    pub fn confirmed(&self) -> Option<Timestamp> {
        self.state.confirmed
    }

    /// Lowers the last confirmation to `latest` if it is later. Returns true then.
    pub fn lower_confirmation(&mut self, latest: Timestamp) -> bool {
        let is_later = self.state.confirmed.is_some_and(|at| at > latest);
        if is_later {
            self.state.confirmed = Some(latest);
        }
        is_later
    }

    /// This gate with all its times moved by `seconds`: times of the run are stored as times of the wall
    /// clock. With `keeps_confirmation`, the last confirmation is not moved, because it is wall-clock time
    /// already.
    #[must_use]
    pub fn shifted(mut self, seconds: i64, keeps_confirmation: bool) -> Self {
        let State { retired, grown, mark, confirmed, .. } = &mut self.state;
        *mark = mark.map(|(at, trust)| (at.shifted(seconds), trust));
        retired.values_mut().for_each(|retired| retired.until = retired.until.shifted(seconds));
        grown.iter_mut().for_each(|(at, _)| *at = at.shifted(seconds));
        if !keeps_confirmation {
            *confirmed = confirmed.map(|at| at.shifted(seconds));
        }
        self
    }

    /// The tag's accepted change number.
    #[must_use]
    pub fn change_number(&self) -> Option<u64> {
        self.state.number.accepted
    }

    /// The limits of this gate.
    #[must_use]
    pub fn policy(&self) -> &GatePolicy {
        &self.policy
    }

    /// The time since the last mark.
    fn step(&self, now: Timestamp) -> Step {
        let elapsed = self.state.mark.map_or(0, |(at, _)| now.since(at));
        let is_offered = self.is_unbroken && elapsed <= self.policy.longest_gap.as_secs();
        Step { elapsed, offered: if is_offered { elapsed } else { 0 } }
    }
}
