//! The expected behaviour of a gate, written a second time and in another way. Prefixes are numbers. Instead
//! of waiting times that grow one by one there is a single clock of counted time: a change stores the time on
//! that clock at which it was first shown.
//!
//! The model uses the gate's types for reasons and limits, but none of its code.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Change, GatePolicy, GeoSource, Refusal, Trust, Wait,
    listed::{Action, Id, Label, List, difference, is_broad},
};

mod number;
mod wish;

pub(super) use wish::{Looked, Wish};

/// A change that is shown and not carried out yet.
#[derive(Clone, Copy, Debug)]
struct Shown {
    action: Action,
    /// The time at which it was first shown: on the clock of counted time, and on the clock of all time
    /// (`first`).
    since: u64,
    first: u64,
    is_again: bool,
    why: Change,
    wait: Wait,
}

#[derive(Clone, Debug)]
pub(super) struct Model {
    policy: GatePolicy,
    /// Largest number of accepted ranges.
    limit: usize,
    pub(super) accepted: List,
    /// With the time until which each is recognised.
    pub(super) retired: BTreeMap<Id, (Label, u64)>,
    shown: BTreeMap<Id, Shown>,
    /// Seconds that count for a hold; then those that count for a confirmation.
    counted: u64,
    passed: u64,
    last: Option<(u64, Trust)>,
    is_broken: bool,
    /// Times and numbers of additions that passed without a hold and without approval.
    grown: Vec<(u64, usize)>,
    pub(super) number: Option<u64>,
    /// The higher number on offer, and the time at which it was first shown.
    higher: Option<(u64, u64)>,
    lower: Option<(Option<u64>, u64)>,
    pub(super) confirmed: Option<u64>,
}

impl Model {
    pub(super) fn new(policy: GatePolicy, limit: usize, accepted: List, number: Option<u64>) -> Self {
        Self {
            policy,
            limit,
            grown: Vec::new(),
            accepted,
            retired: BTreeMap::new(),
            shown: BTreeMap::new(),
            counted: 0,
            passed: 0,
            last: None,
            is_broken: false,
            number,
            higher: None,
            lower: None,
            confirmed: None,
        }
    }

    /// The waiting changes: action, reason, wait, and the seconds left.
    pub(super) fn waiting(&self) -> BTreeMap<Id, (Action, Change, Wait, Option<u64>)> {
        let left = |shown: &Shown| Some(self.needs(shown.wait)?.saturating_sub(self.waited(shown)));
        self.shown
            .iter()
            .map(|(id, shown)| (*id, (shown.action, shown.why, shown.wait, left(shown))))
            .collect()
    }

    pub(super) fn step_back(&self) -> Option<(u64, Option<u64>)> {
        Some((self.number?, self.lower?.0))
    }

    pub(super) fn offer(
        &mut self,
        list: &List,
        number: Option<u64>,
        trust: Trust,
        now: u64,
    ) -> Option<Refusal> {
        self.end_grace(now);
        if list.is_empty() {
            self.interrupt();
            return Some(Refusal::Empty);
        }
        let downloaded = trust == Trust::Download;
        self.count(now, trust);
        if self.accepted.is_empty() {
            self.number = number;
            let (rejected, others): (Vec<_>, Vec<_>) = list
                .iter()
                .map(|(id, label)| (*id, *label))
                .partition(|(id, label)| self.is_rejected(*id, *label));
            let rejected = rejected
                .into_iter()
                .map(|(id, label)| (id, Action::Add(label), self.shown[&id].why, Wait::Rejected));
            let rejected: Vec<_> = rejected.collect();
            let (broad, others): (Vec<_>, Vec<_>) =
                others.into_iter().partition(|(id, _)| downloaded && is_broad(*id));
            let (fitting, rest) = others.split_at(others.len().min(self.limit));
            let held = |list: &[(Id, Label)], why, wait| {
                list.iter().map(move |(id, label)| (*id, Action::Add(*label), why, wait)).collect::<Vec<_>>()
            };
            let broad = held(&broad, Change::Broad, Wait::Approval);
            let rest = held(rest, Change::Capacity, Wait::Room);
            self.show(rejected.into_iter().chain(broad).chain(rest));
            self.accepted.extend(fitting.iter().copied());
            self.confirmed = if self.accepted.is_empty() { self.confirmed } else { Some(now) };
            return None;
        }
        let refused = if self.is_step_back(number, trust) {
            Some(Refusal::StepBack)
        } else {
            self.is_odd(list, downloaded)
        };
        if refused.is_none() {
            let returns = |id: &Id| {
                let is_rejected = |label: &Label| self.is_rejected(*id, *label);
                list.get(id).is_some_and(|label| !is_rejected(label)) && !(downloaded && is_broad(*id))
            };
            let returning: Vec<Id> = self.retired.keys().copied().filter(returns).collect();
            for id in returning.into_iter().take(self.limit.saturating_sub(self.accepted.len())) {
                self.accepted.extend(self.retired.remove(&id).map(|(label, _)| (id, label)));
            }
        }
        let mut waits = Vec::new();
        let stays = |model: &Self, id: Id, action: Action| {
            let waits = if refused.is_none() { &[Wait::Rejected, Wait::Room][..] } else { &[Wait::Rejected] };
            model.shown.get(&id).is_some_and(|shown| waits.contains(&shown.wait) && shown.action == action)
        };
        let is_new = |id: &&Id| {
            let action = list.get(id).map(|label| Action::Add(*label));
            !is_broad(**id)
                && !self.accepted.contains_key(id)
                && action.is_some_and(|action| !stays(self, **id, action))
        };
        let new = list.keys().filter(is_new).count();
        let grows = downloaded && self.grown(now) + new > self.policy.most_new;
        for id in self.accepted.keys().chain(list.keys()).copied().collect::<BTreeSet<_>>() {
            let (old, new) = (self.accepted.get(&id).copied(), list.get(&id).copied());
            let Some(action) = difference(old, new) else { continue };
            if stays(self, id, action) {
                waits.push((id, action, self.shown[&id].why, self.shown[&id].wait));
                continue;
            }
            let is_addition = matches!(action, Action::Add(_));
            match self.verdict(id, action, old, refused, downloaded) {
                Some((Change::Addition, _)) if grows => waits.push((id, action, Change::Growth, Wait::Hold)),
                Some((why, wait)) => waits.push((id, action, why, wait)),
                None if is_addition && self.accepted.len() >= self.limit => {
                    waits.push((id, action, Change::Capacity, Wait::Room));
                }
                None => self.act(id, action, now),
            }
        }
        self.show(waits.into_iter());
        self.pass(now);
        if refused.is_none() && list.keys().any(|id| self.accepted.contains_key(id)) {
            self.confirmed = Some(now);
        }
        refused
    }

    /// A local list counts as offered until it is replaced.
    pub(super) fn tick(&mut self, now: u64) {
        self.end_grace(now);
        if let (Some((_, Trust::Local)), false) = (self.last, self.is_broken) {
            self.count(now, Trust::Local);
            if self.lower.is_some_and(|(_, since)| self.counted - since >= self.policy.hold.as_secs()) {
                self.step_down();
            }
            self.shown.values_mut().for_each(|shown| shown.is_again = true);
            self.pass(now);
        }
    }

    /// A reading failed, or the daemon was restarted: the time until the next offer does not count.
    pub(super) fn interrupt(&mut self) {
        self.is_broken = true;
    }

    pub(super) fn adopt(&mut self, list: &List) -> usize {
        let new = list.iter().filter(|(id, _)| !self.accepted.contains_key(id));
        let new: Vec<_> = new.take(self.limit.saturating_sub(self.accepted.len())).collect();
        for (id, label) in &new {
            self.shown.remove(id);
            self.retired.remove(id);
            self.accepted.insert(**id, **label);
        }
        new.len()
    }

    fn grown(&mut self, now: u64) -> usize {
        self.grown.iter_mut().for_each(|(at, _)| *at = now.min(*at));
        self.grown.retain(|(at, _)| now - at < GatePolicy::WEEK.as_secs());
        self.grown.iter().map(|(_, count)| count).sum()
    }

    fn needs(&self, wait: Wait) -> Option<u64> {
        match wait {
            Wait::Confirmation => Some(self.policy.confirm_after.as_secs()),
            Wait::Hold => Some(self.policy.hold.as_secs()),
            Wait::Approval | Wait::Room | Wait::Rejected => None,
        }
    }

    /// Seconds that it has waited, on the clock that counts for it.
    fn waited(&self, shown: &Shown) -> u64 {
        if shown.wait == Wait::Confirmation { self.passed - shown.first } else { self.counted - shown.since }
    }

    fn count(&mut self, now: u64, trust: Trust) {
        let gap = self.last.map_or(0, |(at, _)| now.saturating_sub(at));
        let is_unknown = self.is_broken || gap > self.policy.longest_gap.as_secs();
        self.counted += if is_unknown { 0 } else { gap };
        self.passed += gap;
        (self.last, self.is_broken) = (Some((now, trust)), false);
    }

    fn end_grace(&mut self, now: u64) {
        let longest = now + self.policy.grace.as_secs();
        self.retired.values_mut().for_each(|(_, until)| *until = longest.min(*until));
        self.retired.retain(|_, (_, until)| *until > now);
    }

    /// Returns the reason if the list is much shorter than the accepted one, or has very many new ranges.
    fn is_odd(&self, list: &List, downloaded: bool) -> Option<Refusal> {
        let accepted = |id: &Id| self.accepted.contains_key(id);
        let counts = list.keys().filter(|id| accepted(id) || !downloaded || !is_broad(**id)).count();
        let is_new = |(id, label): &(&Id, &Label)| {
            !accepted(id) && !self.retired.contains_key(*id) && !self.is_rejected(**id, **label)
        };
        let new = list.iter().filter(is_new).count();
        let lost = self.accepted.len().saturating_sub(counts);
        if lost * 100 > self.accepted.len() * self.policy.most_shrink_percent {
            Some(Refusal::Shrink)
        } else if new > self.policy.most_new {
            Some(Refusal::Flood)
        } else {
            None
        }
    }

    fn verdict(
        &self,
        id: Id,
        action: Action,
        old: Option<Label>,
        refused: Option<Refusal>,
        downloaded: bool,
    ) -> Option<(Change, Wait)> {
        if downloaded && is_broad(id) && matches!(action, Action::Add(_)) {
            return Some((Change::Broad, Wait::Approval));
        }
        match refused {
            Some(Refusal::StepBack) => return Some((Change::StepBack, Wait::Hold)),
            Some(Refusal::Shrink) => return Some((Change::Shrink, Wait::Hold)),
            Some(Refusal::Flood) => return Some((Change::Flood, Wait::Hold)),
            Some(Refusal::Empty) | None => {}
        }
        match (action, old) {
            (Action::Remove, _) => Some((Change::Removal, Wait::Hold)),
            (Action::Relabel(Label(geo, _, region)), Some(Label(old, source, was))) => {
                let is_documented = source == GeoSource::Documented;
                let is_detail = geo == old && !(is_documented && was.is_some() && was != region);
                match (is_detail, is_documented, downloaded) {
                    (true, ..) | (false, false, false) => None,
                    (false, true, _) => Some((Change::Geo, Wait::Hold)),
                    (false, false, true) => Some((Change::Geo, Wait::Confirmation)),
                }
            }
            _ => downloaded.then_some((Change::Addition, Wait::Confirmation)),
        }
    }

    fn show(&mut self, changes: impl Iterator<Item = (Id, Action, Change, Wait)>) {
        let before = std::mem::take(&mut self.shown);
        for (id, action, why, wait) in changes {
            let same = before.get(&id).filter(|shown| shown.action == action);
            let (since, first) = same.map_or((self.counted, self.passed), |shown| (shown.since, shown.first));
            self.shown.insert(id, Shown { action, since, first, is_again: same.is_some(), why, wait });
        }
    }

    fn act(&mut self, id: Id, action: Action, now: u64) {
        match action {
            Action::Add(label) | Action::Relabel(label) => {
                self.accepted.insert(id, label);
                self.retired.remove(&id);
            }
            Action::Remove => {
                let until = now + self.policy.grace.as_secs();
                self.retired.extend(self.accepted.remove(&id).map(|label| (id, (label, until))));
            }
        }
    }
}
