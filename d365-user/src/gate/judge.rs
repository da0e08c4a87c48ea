//! Compares an offer with the accepted list, and decides for each difference if it passes now or what it
//! waits for.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::{
    change::{Action, Change, Wait, Waiting, is_other_geo},
    decision::{By, Decision, Refusal},
    machine::Gate,
    policy::{GatePolicy, Trust},
    step::Step,
    time::Timestamp,
};
use crate::{geo::GeoSource, ranges::Range};

/// The decision on one difference.
enum Verdict {
    Pass(By),
    Wait(Change, Wait),
}

impl Gate {
    /// Judges the first list of a source. All of it passes, except for prefixes that are too broad for a
    /// download, and those for which there is no room.
    pub(super) fn accept_first(
        &mut self,
        offered: BTreeMap<IpNet, Range>,
        trust: Trust,
        now: Timestamp,
        decisions: &mut Vec<Decision>,
    ) {
        let before = std::mem::take(&mut self.state.waiting);
        for (prefix, range) in offered {
            let action = Action::Add(range);
            if trust == Trust::Download && GatePolicy::is_broad(&prefix) {
                self.wait(&before, prefix, action, (Change::Broad, Wait::Approval), Step::default());
            } else if !self.room.take(&prefix) {
                self.wait(&before, prefix, action, (Change::Capacity, Wait::Room), Step::default());
            } else {
                decisions.extend(self.apply(prefix, action, By::First, now));
            }
        }
        self.say_waiting(before, decisions);
        if !self.state.accepted.is_empty() {
            self.confirm(now, decisions);
        }
    }

    /// Judges any later list.
    pub(super) fn judge(
        &mut self,
        offered: &BTreeMap<IpNet, Range>,
        trust: Trust,
        stepped_back: bool,
        step: Step,
        now: Timestamp,
        decisions: &mut Vec<Decision>,
    ) {
        let refused = if stepped_back { Some(Refusal::StepBack) } else { self.held_whole(offered, trust) };
        if refused.is_none() {
            self.bring_back(offered, trust, decisions);
        }
        let before = std::mem::take(&mut self.state.waiting);
        // A rejected change stays rejected. A change that lacks only room waits for that alone, unless the
        // offer is held.
        let stays = |prefix: &IpNet, action: &Action| {
            before.get(prefix).is_some_and(|waited| {
                let is_kept = waited.is_rejected() || refused.is_none() && waited.wait == Wait::Room;
                is_kept && waited.action == *action
            })
        };
        let mut differences = self.differences(offered);
        for (prefix, action) in differences.extract_if(.., |(prefix, action)| stays(prefix, action)) {
            let Waiting { change, wait, .. } = before[&prefix];
            self.wait(&before, prefix, action, (change, wait), step);
        }
        let grows_too_fast = trust == Trust::Download && self.is_growth(&differences, now);
        for (prefix, action) in differences {
            match self.verdict(prefix, &action, refused, trust, grows_too_fast) {
                Verdict::Pass(_) if matches!(action, Action::Add(_)) && !self.room.take(&prefix) => {
                    self.wait(&before, prefix, action, (Change::Capacity, Wait::Room), step);
                }
                Verdict::Pass(by) => decisions.extend(self.apply(prefix, action, by, now)),
                Verdict::Wait(change, wait) => {
                    self.wait(&before, prefix, action, (change, wait), step);
                }
            }
        }
        self.pass_due(now, decisions);
        self.say_waiting(before, decisions);
        match refused {
            Some(refusal) => decisions.push(Decision::Refused(refusal)),
            None if offered.keys().any(|prefix| self.state.accepted.contains_key(prefix)) => {
                self.confirm(now, decisions);
            }
            None => {}
        }
    }

    fn differences(&self, offered: &BTreeMap<IpNet, Range>) -> Vec<(IpNet, Action)> {
        let accepted = &self.state.accepted;
        let gone = accepted.keys().filter(|prefix| !offered.contains_key(prefix));
        let both = gone.chain(offered.keys());
        let difference = |prefix| Action::between(accepted.get(prefix), offered.get(prefix));
        both.filter_map(|prefix| Some((*prefix, difference(prefix)?))).collect()
    }

    /// Returns the reason if the offer's size alone holds it. A range that is too broad to be accepted does
    /// not make the offer longer. A range that was retired or rejected is not new.
    fn held_whole(&self, offered: &BTreeMap<IpNet, Range>, trust: Trust) -> Option<Refusal> {
        let (accepted, retired) = (&self.state.accepted, &self.state.retired);
        let acceptable = |prefix: &&IpNet| {
            accepted.contains_key(prefix) || trust == Trust::Local || !GatePolicy::is_broad(prefix)
        };
        let is_new = |(prefix, range): &(&IpNet, &Range)| {
            let is_rejected = self.state.waiting.get(*prefix).is_some_and(|waiting| waiting.rejects(range));
            !accepted.contains_key(*prefix) && !retired.contains_key(*prefix) && !is_rejected
        };
        if self.policy.is_shrink(accepted.len(), offered.keys().filter(acceptable).count()) {
            Some(Refusal::Shrink)
        } else if offered.iter().filter(is_new).count() > self.policy.most_new {
            Some(Refusal::Flood)
        } else {
            None
        }
    }

    /// Returns true if these changes could add more ranges within a week by second fetches alone than the
    /// policy allows. Prefixes that are too broad do not count: they need approval.
    fn is_growth(&mut self, differences: &[(IpNet, Action)], now: Timestamp) -> bool {
        let is_addition = |(prefix, action): &&(IpNet, Action)| {
            matches!(action, Action::Add(_)) && !GatePolicy::is_broad(prefix)
        };
        let new = differences.iter().filter(is_addition).count() as u64;
        self.grown(now).saturating_add(new) > self.policy.most_new as u64
    }

    fn verdict(
        &self,
        prefix: IpNet,
        action: &Action,
        refused: Option<Refusal>,
        trust: Trust,
        grows_too_fast: bool,
    ) -> Verdict {
        let download = trust == Trust::Download;
        let held = refused.and_then(Refusal::change);
        let old = self.state.accepted.get(&prefix);
        let documented = old.is_some_and(|old| old.geo.source == GeoSource::Documented);
        match (action, held) {
            (Action::Add(_), _) if download && GatePolicy::is_broad(&prefix) => {
                Verdict::Wait(Change::Broad, Wait::Approval)
            }
            (_, Some(change)) => Verdict::Wait(change, Wait::Hold),
            (Action::Remove, None) => Verdict::Wait(Change::Removal, Wait::Hold),
            (Action::Relabel(new), None) if !old.is_some_and(|old| is_other_geo(old, new)) => {
                Verdict::Pass(By::Detail)
            }
            (Action::Relabel(_), None) if documented => Verdict::Wait(Change::Geo, Wait::Hold),
            (Action::Add(_) | Action::Relabel(_), None) if !download => Verdict::Pass(By::Local),
            (Action::Add(_), None) if grows_too_fast => Verdict::Wait(Change::Growth, Wait::Hold),
            (Action::Add(_), None) => Verdict::Wait(Change::Addition, Wait::Confirmation),
            (Action::Relabel(_), None) => Verdict::Wait(Change::Geo, Wait::Confirmation),
        }
    }

    /// Lets a change wait. It continues its wait if the last offer showed the same change; otherwise its wait
    /// starts now.
    fn wait(
        &mut self,
        before: &BTreeMap<IpNet, Waiting>,
        prefix: IpNet,
        action: Action,
        (change, wait): (Change, Wait),
        step: Step,
    ) {
        let same = before.get(&prefix).filter(|waited| waited.action == action);
        let (seen, elapsed) = same.map_or((0, 0), |waited| waited.after(step));
        let again = same.is_some();
        self.state.waiting.insert(prefix, Waiting { action, change, wait, seen, elapsed, again });
    }

    /// Adds a decision for each change that did not wait before or now waits for another reason, and for each
    /// that waited and is no longer offered.
    fn say_waiting(&self, before: BTreeMap<IpNet, Waiting>, decisions: &mut Vec<Decision>) {
        for (prefix, Waiting { action, change, .. }) in &self.state.waiting {
            let said = |waited: &Waiting| waited.action == *action && waited.change == *change;
            if !before.get(prefix).is_some_and(said) {
                let (prefix, action, change) = (*prefix, action.clone(), *change);
                decisions.push(Decision::Waits { prefix, action, change });
            }
        }
        for (prefix, Waiting { action, .. }) in before {
            let waits = self.state.waiting.get(&prefix).is_some_and(|now| now.action == action);
            let stands = self.state.accepted.get(&prefix);
            let is_done = match &action {
                Action::Add(range) | Action::Relabel(range) => stands == Some(range),
                Action::Remove => stands.is_none(),
            };
            if !waits && !is_done {
                decisions.push(Decision::Withdrawn { prefix, action });
            }
        }
    }
}
