//! Does what was decided: the only place that changes the accepted list.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::{Action, By, Decision, Gate, GatePolicy, Retired, Timestamp, Trust, Wait};
use crate::ranges::Range;

impl Gate {
    /// Does one change. `None` when there is nothing to do it to.
    pub(super) fn apply(
        &mut self,
        prefix: IpNet,
        action: Action,
        by: By,
        now: Timestamp,
    ) -> Option<Decision> {
        let state = &mut self.state;
        match action {
            Action::Add(range) => {
                state.retired.remove(&prefix);
                state.accepted.insert(prefix, range.clone());
                Some(Decision::Accepted { range, by })
            }
            Action::Remove => {
                let range = state.accepted.remove(&prefix)?;
                let until = now.after(self.policy.grace);
                state.retired.insert(prefix, Retired { range: range.clone(), until });
                Some(Decision::Retired { range, by, until })
            }
            Action::Relabel(to) => {
                let from = std::mem::replace(state.accepted.get_mut(&prefix)?, to.clone());
                Some(Decision::Relabelled { from, to, by })
            }
        }
    }

    /// Does what has waited long enough, additions before removals. Removals that would leave nothing go on waiting: what
    /// is to come in their place must have come first.
    pub(super) fn pass_due(&mut self, now: Timestamp, decisions: &mut Vec<Decision>) {
        let policy = self.policy;
        let due: Vec<_> = self.state.waiting.extract_if(.., |_, waiting| waiting.is_due(&policy)).collect();
        let (removals, others): (Vec<_>, Vec<_>) =
            due.into_iter().partition(|(_, waiting)| waiting.action == Action::Remove);
        for (prefix, waiting) in others {
            let by = if waiting.wait == Wait::Confirmation { By::Confirmation } else { By::Hold };
            decisions.extend(self.apply(prefix, waiting.action, by, now));
        }
        if removals.len() >= self.state.accepted.len() {
            self.state.waiting.extend(removals);
            return;
        }
        for (prefix, waiting) in removals {
            decisions.extend(self.apply(prefix, waiting.action, By::Hold, now));
        }
    }

    /// Takes back what was retired and is offered again, as it was.
    pub(super) fn bring_back(
        &mut self,
        offered: &BTreeMap<IpNet, Range>,
        trust: Trust,
        decisions: &mut Vec<Decision>,
    ) {
        let comes_back = |prefix: &IpNet| {
            offered.contains_key(prefix) && (trust == Trust::Local || !GatePolicy::is_broad(prefix))
        };
        let back: Vec<_> = self.state.retired.extract_if(.., |prefix, _| comes_back(prefix)).collect();
        for (prefix, Retired { range, .. }) in back {
            self.state.accepted.insert(prefix, range.clone());
            decisions.push(Decision::Accepted { range, by: By::Return });
        }
    }

    /// Forgets what was retired `grace` ago. Where the clock went back, no grace lasts longer than it would from now.
    pub(super) fn end_grace(&mut self, now: Timestamp) -> Vec<Decision> {
        let longest = now.after(self.policy.grace);
        for retired in self.state.retired.values_mut() {
            retired.until = retired.until.min(longest);
        }
        let gone = self.state.retired.extract_if(.., |_, retired| retired.until <= now);
        gone.map(|(_, retired)| Decision::Gone(retired.range)).collect()
    }

    pub(super) fn confirm(&mut self, now: Timestamp, decisions: &mut Vec<Decision>) {
        self.state.confirmed = Some(now);
        decisions.push(Decision::Confirmed);
    }
}
