//! Carries out the gate's decisions: with `adopt`, the only code that changes the accepted list.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::{
    change::{Action, Change, Wait, Waiting},
    decision::{By, Decision},
    machine::Gate,
    policy::{GatePolicy, Trust},
    state::Retired,
    time::Timestamp,
};
use crate::ranges::Range;

impl Gate {
    /// Carries out one change. The caller has already taken the room for an addition. `None` if the prefix is
    /// not in the accepted list.
    pub(super) fn apply(&mut self, action: Action, by: By, now: Timestamp) -> Option<Decision> {
        let state = &mut self.state;
        match action {
            Action::Add(range) => {
                state.retired.remove(&range.prefix);
                state.accepted.insert(range.prefix, range.clone());
                Some(Decision::Accepted { range, by })
            }
            Action::Remove(prefix) => {
                let range = state.accepted.remove(&prefix)?;
                self.room.give_back(&prefix);
                let until = now.after(self.policy.grace);
                state.retired.insert(prefix, Retired { range: range.clone(), until });
                Some(Decision::Retired { range, by, until })
            }
            Action::Relabel(to) => {
                let from = std::mem::replace(state.accepted.get_mut(&to.prefix)?, to.clone());
                Some(Decision::Relabelled { from, to, by })
            }
        }
    }

    /// Carries out the changes that have waited long enough. An addition without room waits for room from now
    /// on.
    pub(super) fn pass_due(&mut self, now: Timestamp, decisions: &mut Vec<Decision>) {
        let policy = self.policy;
        let due = self.state.waiting.extract_if(.., |_, waiting| waiting.is_due(&policy));
        let due = due.map(|(_, waiting)| waiting).collect();
        let by = |waiting: &Waiting| match waiting.wait {
            Wait::Confirmation => By::Confirmation,
            Wait::Room => By::Room,
            _ => By::Hold,
        };
        let before = decisions.len();
        self.carry_out(due, by, now, decisions);
        let grown = |decision: &&Decision| {
            matches!(decision, Decision::Accepted { by: By::Confirmation | By::Room, .. })
        };
        let grown = decisions[before..].iter().filter(grown).count();
        if grown > 0 {
            self.state.grown.retain(|(at, _)| at.after(GatePolicy::WEEK) > now);
            self.state.grown.push((now, grown as u64));
        }
    }

    /// Carries out these changes: additions while there is room, then removals, then additions into the room
    /// that became free. Removals that would empty the list keep waiting, unless they free room for an
    /// addition that waits for it.
    pub(super) fn carry_out(
        &mut self,
        changes: Vec<Waiting>,
        by: impl Fn(&Waiting) -> By,
        now: Timestamp,
        decisions: &mut Vec<Decision>,
    ) {
        let is_removal = |waiting: &Waiting| matches!(waiting.action, Action::Remove(_));
        let (mut removals, mut others): (Vec<_>, Vec<_>) = changes.into_iter().partition(is_removal);
        loop {
            others.retain(|waiting| {
                let fits = match &waiting.action {
                    Action::Add(range) => self.room.take(&range.prefix),
                    _ => true,
                };
                if fits {
                    decisions.extend(self.apply(waiting.action.clone(), by(waiting), now));
                }
                !fits
            });
            let is_replaced =
                || removals.iter().any(|waiting| self.room.is_freed_by(&waiting.action.prefix()));
            if removals.is_empty()
                || removals.len() >= self.state.accepted.len() && (others.is_empty() || !is_replaced())
            {
                break;
            }
            for waiting in removals.drain(..) {
                decisions.extend(self.apply(waiting.action.clone(), by(&waiting), now));
            }
        }
        for waiting in &mut others {
            (waiting.change, waiting.wait) = (Change::Capacity, Wait::Room);
        }
        let left = others.into_iter().chain(removals);
        self.state.waiting.extend(left.map(|waiting| (waiting.action.prefix(), waiting)));
    }

    /// The number of additions within the last week that passed without a hold and without approval. A clock
    /// that went back makes no week longer.
    pub(super) fn grown(&mut self, now: Timestamp) -> u64 {
        for (at, _) in &mut self.state.grown {
            *at = (*at).min(now);
        }
        self.state.grown.retain(|(at, _)| at.after(GatePolicy::WEEK) > now);
        self.state.grown.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// Accepts retired ranges that are offered again, with their former geo and region.
    pub(super) fn bring_back(
        &mut self,
        offered: &BTreeMap<IpNet, Range>,
        trust: Trust,
        decisions: &mut Vec<Decision>,
    ) {
        let (room, waiting) = (&mut self.room, &self.state.waiting);
        let mut comes_back = |prefix: &IpNet| {
            let Some(range) = offered.get(prefix) else { return false };
            let is_accepted = trust == Trust::Local || !GatePolicy::is_broad(prefix);
            let is_rejected = waiting.get(prefix).is_some_and(|waiting| waiting.rejects(range));
            is_accepted && !is_rejected && room.take(prefix)
        };
        let back: Vec<_> = self.state.retired.extract_if(.., |prefix, _| comes_back(prefix)).collect();
        for (prefix, Retired { range, .. }) in back {
            self.state.accepted.insert(prefix, range.clone());
            decisions.push(Decision::Accepted { range, by: By::Return });
        }
    }

    /// Removes the ranges that were retired `grace` ago. If the clock went back, no grace lasts longer than
    /// `grace` from now.
    pub(super) fn end_grace(&mut self, now: Timestamp) -> Vec<Decision> {
        let longest = now.after(self.policy.grace);
        for retired in self.state.retired.values_mut() {
            retired.until = retired.until.min(longest);
        }
        let gone = self.state.retired.extract_if(.., |_, retired| retired.until <= now);
        gone.map(|(_, retired)| Decision::Gone(retired.range)).collect()
    }
}
