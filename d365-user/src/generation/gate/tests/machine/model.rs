//! What a gate should do, said a second time and in another way. Prefixes are numbers, and instead of waiting times that grow
//! one by one there is a single clock of counted time: a change remembers when on that clock it was first shown.
//!
//! It uses the gate's words for reasons and limits, and none of its code.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Change, GatePolicy, GeoSource, Refusal, Trust, Wait,
    listed::{Action, FIRST_BROAD, Id, Label, List, difference},
};

/// A change that is shown and not done.
#[derive(Clone, Copy, Debug)]
struct Shown {
    action: Action,
    /// When it was shown first, on the counted clock.
    since: u64,
    is_again: bool,
    why: Change,
    wait: Wait,
}

/// What an operator looks at before he approves.
pub(super) type Looked = (BTreeMap<Id, Action>, Option<(u64, Option<u64>)>);

#[derive(Clone, Debug)]
pub(super) struct Model {
    policy: GatePolicy,
    pub(super) accepted: List,
    /// And until when.
    pub(super) retired: BTreeMap<Id, (Label, u64)>,
    shown: BTreeMap<Id, Shown>,
    /// Seconds that count.
    counted: u64,
    last: Option<(u64, Trust)>,
    pub(super) number: Option<u64>,
    /// A number, and since when it is shown.
    higher: Option<(u64, u64)>,
    lower: Option<(Option<u64>, u64)>,
    pub(super) confirmed: Option<u64>,
}

impl Model {
    pub(super) fn new(policy: GatePolicy, accepted: List, number: Option<u64>) -> Self {
        Self {
            policy,
            accepted,
            retired: BTreeMap::new(),
            shown: BTreeMap::new(),
            counted: 0,
            last: None,
            number,
            higher: None,
            lower: None,
            confirmed: None,
        }
    }

    /// What waits: what would be done, why not yet, and how much longer.
    pub(super) fn waiting(&self) -> BTreeMap<Id, (Action, Change, Wait, Option<u64>)> {
        let left = |shown: &Shown| Some(self.needs(shown.wait)?.saturating_sub(self.counted - shown.since));
        self.shown
            .iter()
            .map(|(id, shown)| (*id, (shown.action, shown.why, shown.wait, left(shown))))
            .collect()
    }

    pub(super) fn step_back(&self) -> Option<(u64, Option<u64>)> {
        Some((self.number?, self.lower?.0))
    }

    pub(super) fn looked(&self) -> Option<Looked> {
        let actions: BTreeMap<_, _> = self.shown.iter().map(|(id, shown)| (*id, shown.action)).collect();
        (!actions.is_empty() || self.lower.is_some()).then(|| (actions, self.step_back()))
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
            return Some(Refusal::Empty);
        }
        let downloaded = trust == Trust::Download;
        if self.accepted.is_empty() {
            self.last = Some((now, trust));
            self.number = number;
            let is_held = |id: Id| downloaded && id >= FIRST_BROAD;
            self.show(
                list.iter()
                    .filter(|(id, _)| is_held(**id))
                    .map(|(id, label)| (*id, Action::Add(*label), Change::Broad, Wait::Approval)),
            );
            self.accepted.extend(list.iter().filter(|(id, _)| !is_held(**id)));
            self.confirmed = if self.accepted.is_empty() { self.confirmed } else { Some(now) };
            return None;
        }
        self.count(now, trust);
        let refused = if self.is_step_back(number, trust) {
            Some(Refusal::StepBack)
        } else {
            self.is_odd(list, downloaded)
        };
        if refused.is_none() {
            let returns = |id: &Id| list.contains_key(id) && !(downloaded && *id >= FIRST_BROAD);
            for (id, (label, _)) in self.retired.extract_if(.., |id, _| returns(id)) {
                self.accepted.insert(id, label);
            }
        }
        let mut waits = Vec::new();
        for id in self.accepted.keys().chain(list.keys()).copied().collect::<BTreeSet<_>>() {
            let (old, new) = (self.accepted.get(&id).copied(), list.get(&id).copied());
            let Some(action) = difference(old, new) else { continue };
            match self.verdict(id, action, old, refused, downloaded) {
                Some((why, wait)) => waits.push((id, action, why, wait)),
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

    /// A local list stands, and is as good as offered again.
    pub(super) fn tick(&mut self, now: u64) {
        self.end_grace(now);
        if let Some((_, Trust::Local)) = self.last {
            self.count(now, Trust::Local);
            if self.lower.is_some_and(|(_, since)| self.counted - since >= self.policy.hold.as_secs()) {
                self.step_down();
            }
            self.shown.values_mut().for_each(|shown| shown.is_again = true);
            self.pass(now);
        }
    }

    /// Whether what was looked at is still what waits; then it is done.
    pub(super) fn approve(&mut self, looked: Option<&Looked>, now: u64) -> bool {
        let waits = self.looked();
        if waits.is_none() || waits.as_ref() != looked {
            return false;
        }
        self.end_grace(now);
        self.step_down();
        let shown = std::mem::take(&mut self.shown);
        shown.into_iter().for_each(|(id, shown)| self.act(id, shown.action, now));
        true
    }

    /// Only what is not accepted already comes in.
    pub(super) fn adopt(&mut self, list: &List) -> usize {
        let new: Vec<_> = list.iter().filter(|(id, _)| !self.accepted.contains_key(id)).collect();
        for (id, label) in &new {
            self.shown.remove(id);
            self.retired.remove(id);
            self.accepted.insert(**id, **label);
        }
        new.len()
    }

    fn needs(&self, wait: Wait) -> Option<u64> {
        match wait {
            Wait::Confirmation => Some(self.policy.confirm_after.as_secs()),
            Wait::Hold => Some(self.policy.hold.as_secs()),
            Wait::Approval => None,
        }
    }

    fn count(&mut self, now: u64, trust: Trust) {
        let gap = self.last.map_or(0, |(at, _)| now.saturating_sub(at));
        self.counted += gap.min(self.policy.longest_gap.as_secs());
        self.last = Some((now, trust));
    }

    fn end_grace(&mut self, now: u64) {
        let longest = now + self.policy.grace.as_secs();
        self.retired.values_mut().for_each(|(_, until)| *until = longest.min(*until));
        self.retired.retain(|_, (_, until)| *until > now);
    }

    fn is_step_back(&mut self, number: Option<u64>, trust: Trust) -> bool {
        let is_lower = match (self.number, number) {
            (None, _) => false,
            (Some(_), None) => trust == Trust::Download,
            (Some(stands), Some(number)) => number < stands,
        };
        if !is_lower {
            self.lower = None;
            self.rise(number.filter(|number| self.number.is_none_or(|stands| *number > stands)), trust);
            return false;
        }
        self.higher = None;
        match self.lower {
            Some((shown, since)) if shown == number => {
                if self.counted - since >= self.policy.hold.as_secs() {
                    self.step_down();
                }
            }
            _ => self.lower = Some((number, self.counted)),
        }
        self.lower.is_some()
    }

    /// A higher number is taken from a file at once, from a download when a later one shows it or a still higher one.
    fn rise(&mut self, number: Option<u64>, trust: Trust) {
        let Some(number) = number else {
            self.higher = None;
            return;
        };
        match self.higher {
            _ if trust == Trust::Local => (self.number, self.higher) = (Some(number), None),
            Some((shown, since)) if number >= shown => {
                if self.counted - since >= self.policy.confirm_after.as_secs() {
                    self.number = Some(shown);
                    self.higher = if number > shown { Some((number, self.counted)) } else { None };
                }
            }
            _ => self.higher = Some((number, self.counted)),
        }
    }

    fn step_down(&mut self) {
        if let Some((number, _)) = self.lower.take() {
            self.number = number;
        }
    }

    /// Much shorter than what is accepted, or full of what nobody knows.
    fn is_odd(&self, list: &List, downloaded: bool) -> Option<Refusal> {
        let accepted = |id: &Id| self.accepted.contains_key(id);
        let counts = list.keys().filter(|id| accepted(id) || !downloaded || **id < FIRST_BROAD).count();
        let new = list.keys().filter(|id| !accepted(id) && !self.retired.contains_key(id)).count();
        let lost = self.accepted.len().saturating_sub(counts);
        if lost * 100 > self.accepted.len() * self.policy.most_shrink_percent {
            Some(Refusal::Shrink)
        } else if new > self.policy.most_new {
            Some(Refusal::Flood)
        } else {
            None
        }
    }

    /// Why a change has to wait, and what for; `None` when it passes.
    fn verdict(
        &self,
        id: Id,
        action: Action,
        old: Option<Label>,
        refused: Option<Refusal>,
        downloaded: bool,
    ) -> Option<(Change, Wait)> {
        if downloaded && id >= FIRST_BROAD && matches!(action, Action::Add(_)) {
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

    /// These changes are shown, and no others any more.
    fn show(&mut self, changes: impl Iterator<Item = (Id, Action, Change, Wait)>) {
        let before = std::mem::take(&mut self.shown);
        for (id, action, why, wait) in changes {
            let same = before.get(&id).filter(|shown| shown.action == action);
            let since = same.map_or(self.counted, |shown| shown.since);
            self.shown.insert(id, Shown { action, since, is_again: same.is_some(), why, wait });
        }
    }

    /// Does what has been shown for long enough, and more than once; but no removals that leave nothing.
    fn pass(&mut self, now: u64) {
        let is_due = |model: &Self, shown: &Shown| {
            shown.is_again
                && model.needs(shown.wait).is_some_and(|needs| model.counted - shown.since >= needs)
        };
        let due: Vec<_> = self
            .shown
            .iter()
            .filter(|(_, shown)| is_due(self, shown))
            .map(|(id, shown)| (*id, shown.action))
            .collect();
        let (removals, others): (Vec<_>, Vec<_>) =
            due.into_iter().partition(|(_, action)| *action == Action::Remove);
        let pass = |model: &mut Self, changes: Vec<(Id, Action)>| {
            for (id, action) in changes {
                model.shown.remove(&id);
                model.act(id, action, now);
            }
        };
        pass(self, others);
        if removals.len() < self.accepted.len() {
            pass(self, removals);
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
