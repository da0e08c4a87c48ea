//! The operator's wishes in the model. They are carried out as far as there is room.

use std::collections::BTreeMap;

use super::{
    super::{
        Change, GatePolicy, Wait,
        listed::{Action, Id, Label},
    },
    Model, Shown,
};

/// The changes that the operator saw: each action, and true if it is rejected; and the step back.
pub(in super::super) type Looked = (BTreeMap<Id, (Action, bool)>, Option<(u64, Option<u64>)>);

#[derive(Clone, Copy, Debug)]
pub(in super::super) enum Wish {
    ApproveAll,
    ApproveOne(Id),
    RejectAll,
    RejectOne(Id),
}

impl Model {
    pub(super) fn is_rejected(&self, id: Id, label: Label) -> bool {
        let rejects = |shown: &Shown| shown.wait == Wait::Rejected && shown.action == Action::Add(label);
        self.shown.get(&id).is_some_and(rejects)
    }

    pub(in super::super) fn looked(&self) -> Option<Looked> {
        let look = |(id, shown): (&Id, &Shown)| (*id, (shown.action, shown.wait == Wait::Rejected));
        let actions: BTreeMap<_, _> = self.shown.iter().map(look).collect();
        (!actions.is_empty() || self.lower.is_some()).then(|| (actions, self.step_back()))
    }

    /// Carries out the wish if the changes that were looked at still wait. Returns true then.
    pub(in super::super) fn decide(&mut self, wish: Wish, looked: Option<&Looked>, now: u64) -> bool {
        let waits = self.looked();
        if waits.is_none() || waits.as_ref() != looked {
            return false;
        }
        let is_meant = |id: Id, shown: &Shown| match wish {
            Wish::ApproveAll | Wish::RejectAll => shown.wait != Wait::Rejected,
            Wish::RejectOne(one) => id == one && shown.wait != Wait::Rejected,
            Wish::ApproveOne(one) => id == one,
        };
        let meant: Vec<Id> =
            self.shown.iter().filter(|(id, shown)| is_meant(**id, shown)).map(|(id, _)| *id).collect();
        if meant.is_empty() && !matches!(wish, Wish::ApproveAll) {
            return false;
        }
        if let Wish::RejectAll | Wish::RejectOne(_) = wish {
            for id in meant {
                self.shown.entry(id).and_modify(|shown| shown.wait = Wait::Rejected);
            }
            return true;
        }
        self.end_grace(now);
        if let Wish::ApproveAll = wish {
            self.step_down();
        }
        self.pass_these(&meant, now);
        true
    }

    /// Carries out the changes that have been shown for long enough, and more than once.
    pub(super) fn pass(&mut self, now: u64) {
        let is_due = |model: &Self, shown: &Shown| {
            let has_waited = |needs| model.waited(shown) >= needs;
            shown.wait == Wait::Room || shown.is_again && model.needs(shown.wait).is_some_and(has_waited)
        };
        let due: Vec<_> =
            self.shown.iter().filter(|(_, shown)| is_due(self, shown)).map(|(id, _)| *id).collect();
        let is_quick = |id: &&Id| {
            let Shown { action, wait, .. } = self.shown[*id];
            matches!(wait, Wait::Confirmation | Wait::Room) && matches!(action, Action::Add(_))
        };
        let quick: Vec<Id> = due.iter().filter(is_quick).copied().collect();
        self.pass_these(&due, now);
        let grown = quick.iter().filter(|id| self.accepted.contains_key(*id)).count();
        if grown > 0 {
            self.grown.retain(|(at, _)| at + GatePolicy::WEEK.as_secs() > now);
            self.grown.push((now, grown));
        }
    }

    /// Carries out these changes as far as there is room. Removals that would leave an empty list keep
    /// waiting, unless a change waits only for their room.
    fn pass_these(&mut self, ids: &[Id], now: u64) {
        let mut left: BTreeMap<Id, Shown> =
            ids.iter().filter_map(|id| Some((*id, self.shown.remove(id)?))).collect();
        loop {
            let before = left.len();
            for id in ids {
                let Some(Shown { action, .. }) = left.get(id).copied() else { continue };
                let fits = !matches!(action, Action::Add(_)) || self.accepted.len() < self.limit;
                if action != Action::Remove && fits {
                    left.remove(id);
                    self.act(*id, action, now);
                }
            }
            let removed: Vec<Id> =
                left.iter().filter(|(_, shown)| shown.action == Action::Remove).map(|(id, _)| *id).collect();
            if removed.len() < self.accepted.len() || removed.len() < left.len() {
                for id in removed {
                    left.remove(&id);
                    self.act(id, Action::Remove, now);
                }
            }
            if left.len() == before {
                break;
            }
        }
        for (id, shown) in left {
            let is_removal = shown.action == Action::Remove;
            let (why, wait) =
                if is_removal { (shown.why, shown.wait) } else { (Change::Capacity, Wait::Room) };
            self.shown.insert(id, Shown { why, wait, ..shown });
        }
    }
}
