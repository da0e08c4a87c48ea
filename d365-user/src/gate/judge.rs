//! Compares an offer with the accepted list, and decides for each difference if it passes now or what it
//! waits for.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::{
    change::{Action, Change, Wait, Waiting, is_other_geo},
    decision::{By, Decision, Refusal},
    machine::Gate,
    policy::{GatePolicy, Trust},
    time::{Step, Timestamp},
};
use crate::{geo::GeoSource, ranges::Range};

/// The facts about an offer on which the decision on each difference depends.
struct Context {
    trust: Trust,
    /// True if the accepted list is empty: the offer is the baseline.
    is_first: bool,
    /// The reason with which each change waits, if the offer is held whole.
    held: Option<Change>,
    /// True if its additions could exceed the number for a week.
    is_growth: bool,
}

impl Gate {
    /// Judges a list. All of the first one passes, except for prefixes that are too broad for a download,
    /// those without room, and those that were rejected.
    pub(super) fn judge(
        &mut self,
        offered: &BTreeMap<IpNet, Range>,
        trust: Trust,
        stepped_back: bool,
        step: Step,
        now: Timestamp,
        decisions: &mut Vec<Decision>,
    ) {
        let is_first = self.state.accepted.is_empty();
        let refused = match (stepped_back, is_first) {
            (true, _) => Some(Refusal::StepBack),
            (false, true) => None,
            (false, false) => self.held_whole(offered, trust),
        };
        if refused.is_none() {
            self.bring_back(offered, trust, decisions);
        }
        let before = std::mem::take(&mut self.state.waiting);
        // A rejected change stays rejected. A change that lacks only room waits for that alone, unless the
        // offer is held, or is the baseline.
        let stays = |action: &Action| {
            before.get(&action.prefix()).is_some_and(|waited| {
                let waits_for_room = refused.is_none() && !is_first && waited.wait == Wait::Room;
                (waited.is_rejected() || waits_for_room) && waited.action == *action
            })
        };
        let mut differences = self.differences(offered);
        for action in differences.extract_if(.., |action| stays(action)) {
            let Waiting { change, wait, .. } = before[&action.prefix()];
            self.wait(&before, action, (change, wait), step);
        }
        let is_growth = trust == Trust::Download && !is_first && self.is_growth(&differences, now);
        let context = Context { trust, is_first, held: refused.and_then(Refusal::change), is_growth };
        for action in differences {
            match self.verdict(&action, &context) {
                Ok(_) if matches!(action, Action::Add(_)) && !self.room.take(&action.prefix()) => {
                    self.wait(&before, action, (Change::Capacity, Wait::Room), step);
                }
                Ok(by) => decisions.extend(self.apply(action, by, now)),
                Err(reason) => self.wait(&before, action, reason, step),
            }
        }
        self.pass_due(now, decisions);
        self.report_waiting(before, decisions);
        match refused {
            Some(refusal) => decisions.push(Decision::Refused(refusal)),
            None if offered.keys().any(|prefix| self.state.accepted.contains_key(prefix)) => {
                self.state.confirmed = Some(now);
                decisions.push(Decision::Confirmed);
            }
            None => {}
        }
    }

    fn differences(&self, offered: &BTreeMap<IpNet, Range>) -> Vec<Action> {
        let accepted = &self.state.accepted;
        let gone = accepted.keys().filter(|prefix| !offered.contains_key(prefix));
        let both = gone.chain(offered.keys());
        both.filter_map(|prefix| Action::between(accepted.get(prefix), offered.get(prefix))).collect()
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
    fn is_growth(&mut self, differences: &[Action], now: Timestamp) -> bool {
        let is_addition =
            |action: &&Action| matches!(action, Action::Add(range) if !GatePolicy::is_broad(&range.prefix));
        let new = differences.iter().filter(is_addition).count() as u64;
        self.grown(now).saturating_add(new) > self.policy.most_new as u64
    }

    /// The reason why a change passes now, or the reason why it waits and the condition that ends the wait.
    fn verdict(&self, action: &Action, context: &Context) -> Result<By, (Change, Wait)> {
        let is_download = context.trust == Trust::Download;
        let old = self.state.accepted.get(&action.prefix());
        let is_documented = old.is_some_and(|old| old.geo.source == GeoSource::Documented);
        match (action, context.held) {
            (Action::Add(new), _) if is_download && GatePolicy::is_broad(&new.prefix) => {
                Err((Change::Broad, Wait::Approval))
            }
            (_, Some(change)) => Err((change, Wait::Hold)),
            (_, None) if context.is_first => Ok(By::First),
            (Action::Remove(_), None) => Err((Change::Removal, Wait::Hold)),
            (Action::Relabel(new), None) if !old.is_some_and(|old| is_other_geo(old, new)) => Ok(By::Detail),
            (Action::Relabel(_), None) if is_documented => Err((Change::Geo, Wait::Hold)),
            (Action::Add(_) | Action::Relabel(_), None) if !is_download => Ok(By::Local),
            (Action::Add(_), None) if context.is_growth => Err((Change::Growth, Wait::Hold)),
            (Action::Add(_), None) => Err((Change::Addition, Wait::Confirmation)),
            (Action::Relabel(_), None) => Err((Change::Geo, Wait::Confirmation)),
        }
    }

    /// Lets a change wait. It continues its wait if the last offer showed the same change; otherwise its wait
    /// starts now.
    fn wait(
        &mut self,
        before: &BTreeMap<IpNet, Waiting>,
        action: Action,
        (change, wait): (Change, Wait),
        step: Step,
    ) {
        let prefix = action.prefix();
        let same = before.get(&prefix).filter(|waited| waited.action == action);
        let (seen, elapsed) = same.map_or((0, 0), |waited| waited.after(step));
        let again = same.is_some();
        self.state.waiting.insert(prefix, Waiting { action, change, wait, seen, elapsed, again });
    }

    /// Adds a decision for each change that did not wait before or now waits for another reason, and for each
    /// that waited and is no longer offered.
    fn report_waiting(&self, before: BTreeMap<IpNet, Waiting>, decisions: &mut Vec<Decision>) {
        for (prefix, Waiting { action, change, .. }) in &self.state.waiting {
            let is_same = |waited: &Waiting| waited.action == *action && waited.change == *change;
            if !before.get(prefix).is_some_and(is_same) {
                let (prefix, action, change) = (*prefix, action.clone(), *change);
                decisions.push(Decision::Waits { prefix, action, change });
            }
        }
        for (prefix, Waiting { action, .. }) in before {
            let waits = self.state.waiting.get(&prefix).is_some_and(|now| now.action == action);
            let accepted = self.state.accepted.get(&prefix);
            let is_done = match &action {
                Action::Add(range) | Action::Relabel(range) => accepted == Some(range),
                Action::Remove(_) => accepted.is_none(),
            };
            if !waits && !is_done {
                decisions.push(Decision::Withdrawn { prefix, action });
            }
        }
    }
}
