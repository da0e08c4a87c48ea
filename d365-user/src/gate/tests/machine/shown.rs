//! Rules of the gate that hold whatever the model says: the reason for which a range may enter or leave the
//! list, from the steps so far alone.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Change, Decision, Gate, GatePolicy, IpNet, Offer, Timestamp, Trust};

/// The steps so far.
#[derive(Default)]
pub(super) struct Shown {
    /// The number of offers with each prefix.
    times: BTreeMap<IpNet, usize>,
    /// For each prefix, the time since which every offer has lacked it.
    lacking: BTreeMap<IpNet, u64>,
    /// Prefixes that need no second fetch: of a first or local list, approved, or adopted.
    free: BTreeSet<IpNet>,
    /// Seconds that have passed.
    elapsed: u64,
    now: u64,
}

/// The accepted and the retired prefixes.
pub(super) struct Before {
    accepted: BTreeSet<IpNet>,
    retired: BTreeSet<IpNet>,
}

impl Before {
    pub(super) fn of(gate: &Gate, now: Timestamp) -> Self {
        let retired = gate.retired(now).map(|(range, _)| range.prefix).collect();
        Self { accepted: gate.accepted().map(|range| range.prefix).collect(), retired }
    }
}

impl Shown {
    pub(super) fn pass(&mut self, now: u64) {
        self.elapsed += now.saturating_sub(self.now);
        self.now = now;
    }

    pub(super) fn free(&mut self, prefixes: Vec<IpNet>) {
        self.free.extend(prefixes);
    }

    pub(super) fn offer(&mut self, offer: &Offer, before: &Before) {
        let listed: BTreeSet<IpNet> = offer.ranges.iter().map(|range| range.prefix).collect();
        if listed.is_empty() {
            return;
        }
        for prefix in &listed {
            *self.times.entry(*prefix).or_default() += 1;
            self.lacking.remove(prefix);
        }
        for prefix in before.accepted.difference(&listed) {
            self.lacking.entry(*prefix).or_insert(self.elapsed);
        }
        let is_first = before.accepted.is_empty();
        let is_free =
            |prefix: &&IpNet| offer.trust == Trust::Local || is_first && !GatePolicy::is_broad(prefix);
        self.free.extend(listed.iter().filter(is_free));
    }

    pub(super) fn check(&self, before: &Before, gate: &Gate, decisions: &[Decision], is_approved: bool) {
        let after = Before::of(gate, Timestamp(self.now));
        assert!(before.accepted.is_empty() || !after.accepted.is_empty(), "an accepted list became empty");
        for prefix in after.accepted.difference(&before.accepted) {
            let is_confirmed = self.times.get(prefix) >= Some(&2) && !GatePolicy::is_broad(prefix);
            let is_free = self.free.contains(prefix) || before.retired.contains(prefix);
            assert!(is_confirmed || is_free, "{prefix} came in by one offer");
        }
        for prefix in before.accepted.difference(&after.accepted) {
            let lacking = self.lacking.get(prefix).map(|since| self.elapsed - since);
            let is_due = lacking >= Some(gate.policy().hold.as_secs());
            assert!(is_approved || is_due, "{prefix} went after {lacking:?}");
            assert!(after.retired.contains(prefix), "{prefix} is not retired");
        }
        let prefixes = |of: fn(&Decision) -> Option<IpNet>| decisions.iter().filter_map(of).collect();
        let accepted: BTreeSet<_> = prefixes(|decision| match decision {
            Decision::Accepted { range, .. } => Some(range.prefix),
            _ => None,
        });
        assert!(accepted.iter().eq(after.accepted.difference(&before.accepted)), "{decisions:?}");
        let retired: BTreeSet<_> = prefixes(|decision| match decision {
            Decision::Retired { range, .. } => Some(range.prefix),
            _ => None,
        });
        assert!(retired.iter().eq(before.accepted.difference(&after.accepted)), "{decisions:?}");
    }
}

/// The waiting changes, each with its reason.
pub(super) fn waiting(gate: &Gate) -> Vec<(Action, Change)> {
    gate.pending().map(|pending| (pending.action.clone(), pending.change)).collect()
}

/// Asserts that the decisions of an offer name the changes that wait since then, and those that were
/// withdrawn.
pub(super) fn check_waiting(before: &[(Action, Change)], gate: &Gate, decisions: &[Decision]) {
    let after = waiting(gate);
    let new: Vec<_> = after.iter().filter(|change| !before.contains(change)).cloned().collect();
    let waits = decisions.iter().filter_map(|decision| match decision {
        Decision::Waits { action, change, .. } => Some((action.clone(), *change)),
        _ => None,
    });
    assert_eq!(waits.collect::<Vec<_>>(), new);
    let accepted = |prefix: &IpNet| gate.accepted().find(|range| range.prefix == *prefix);
    let is_done = |action: &Action| match action {
        Action::Add(range) | Action::Relabel(range) => accepted(&range.prefix) == Some(range),
        Action::Remove(prefix) => accepted(prefix).is_none(),
    };
    let is_gone = |action: &&Action| !is_done(action) && after.iter().all(|(waits, _)| waits != *action);
    let withdrawn = decisions.iter().filter_map(|decision| match decision {
        Decision::Withdrawn { action, .. } => Some(action),
        _ => None,
    });
    assert!(withdrawn.eq(before.iter().map(|(action, _)| action).filter(is_gone)), "{decisions:?}");
}
