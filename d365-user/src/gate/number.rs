//! The tag's change number. It is raised when a second fetch shows it, and lowered only after `hold` or
//! approval. So one bad fetch with a huge number does not make every good one look like a step back.

use serde::{Deserialize, Serialize};

use super::{
    decision::{By, Decision},
    policy::{GatePolicy, Trust},
    time::Step,
};

/// A lower change number that is offered and held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepBack {
    /// The accepted number.
    pub from: u64,
    /// The offered number; `None` if the download has none.
    pub to: Option<u64>,
}

/// The accepted number, and the numbers that wait. The higher one has the seconds since it was first shown,
/// the lower one the seconds for which it was offered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Number {
    #[serde(rename = "number")]
    pub(super) accepted: Option<u64>,
    #[serde(rename = "higher_number")]
    pub(super) higher: Option<(u64, u64)>,
    #[serde(rename = "lower_number")]
    pub(super) lower: Option<(Option<u64>, u64)>,
}

impl Number {
    /// Judges the number of an offer; `step` is the time since the last one. Returns true if the offer is
    /// held as a step back, and the decision if a step back is accepted by now.
    pub(super) fn judge(
        &mut self,
        offered: Option<u64>,
        trust: Trust,
        step: Step,
        policy: &GatePolicy,
    ) -> (bool, Option<Decision>) {
        let is_lower = match (offered, self.accepted) {
            (Some(offered), Some(accepted)) => offered < accepted,
            // A local list may be a plain list without a number. A document always has one.
            (None, Some(_)) => trust == Trust::Download,
            (_, None) => false,
        };
        if is_lower {
            self.higher = None;
            match &mut self.lower {
                Some((to, seen)) if *to == offered => *seen = seen.saturating_add(step.offered),
                lower => {
                    *lower = Some((offered, 0));
                    return (true, None);
                }
            }
            let accepted = self.due(policy);
            return (self.lower.is_some(), accepted);
        }
        self.lower = None;
        match offered {
            Some(offered) if self.accepted.is_none_or(|accepted| offered > accepted) => {
                self.raise(offered, trust, step, policy);
            }
            _ => self.higher = None,
        }
        (false, None)
    }

    fn raise(&mut self, offered: u64, trust: Trust, step: Step, policy: &GatePolicy) {
        if trust == Trust::Local {
            self.accepted = Some(offered);
            self.higher = None;
            return;
        }
        match &mut self.higher {
            Some((number, elapsed)) if offered >= *number => {
                *elapsed = elapsed.saturating_add(step.elapsed);
                if *elapsed >= policy.confirm_after.as_secs() {
                    self.accepted = Some(*number);
                    self.higher = (offered > *number).then_some((offered, 0));
                }
            }
            higher => *higher = Some((offered, 0)),
        }
    }

    /// Counts another step for which the last offer is still valid. Returns the decision if a step back is
    /// accepted by now.
    pub(super) fn stand(&mut self, step: Step, policy: &GatePolicy) -> Option<Decision> {
        let (_, seen) = self.lower.as_mut()?;
        *seen = seen.saturating_add(step.offered);
        self.due(policy)
    }

    fn due(&mut self, policy: &GatePolicy) -> Option<Decision> {
        let is_due = self.lower.is_some_and(|(_, seen)| seen >= policy.hold.as_secs());
        if is_due { self.accept_lower(By::Hold) } else { None }
    }

    /// Approves the lower number. A higher number keeps waiting: no waiting change depends on it.
    pub(super) fn approve(&mut self) -> Option<Decision> {
        self.accept_lower(By::Approval)
    }

    fn accept_lower(&mut self, by: By) -> Option<Decision> {
        let StepBack { from, to } = self.step_back()?;
        self.lower = None;
        self.accepted = to;
        Some(Decision::SteppedBack { from, to, by })
    }

    pub(super) fn step_back(&self) -> Option<StepBack> {
        let (to, _) = self.lower?;
        Some(StepBack { from: self.accepted?, to })
    }
}
