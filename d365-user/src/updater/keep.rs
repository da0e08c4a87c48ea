//! The updater's part of the state directory: the gates that it saves, and the approvals that it finds there.
//! It does not wait for a directory that does not answer ([`Storage`](crate::state::Storage)): every decision
//! is in force before it is saved.

use std::time::{Duration, Instant, SystemTime};

use super::{event_loop::Updater, report, tally::StateFailure};
use crate::{
    gate::{Timestamp, approval, gates},
    state::StateError,
};

/// The time between two saves of the gates while something waits.
const SAVE: Duration = Duration::from_mins(5);
/// The time until a failed save is tried again.
const AGAIN: Duration = Duration::from_secs(30);

impl Updater {
    /// Checks if the state directory answers.
    pub(super) fn look_at_storage(&mut self) {
        let Some(storage) = &self.storage else { return };
        let is_hung = storage.is_hung();
        if self.hang.send_replace(is_hung) == is_hung {
            return;
        }
        self.hung_since = is_hung.then(|| SystemTime::now().into());
        report::hang(storage.path(), is_hung);
        if is_hung {
            self.state_failures.add(StateFailure::Hang);
        } else {
            self.save_at = Some(Instant::now());
        }
    }

    /// Carries out the operator's approval, if there is one.
    pub(super) fn approvals(&mut self, now: Timestamp) {
        let Some(storage) = self.storage.clone() else { return };
        let pending = match self.approval.take() {
            Some(pending) => pending,
            None if storage.is_late() => return,
            None => match storage.ask(approval::take) {
                Ok(pending) => pending,
                // More jobs wait than with a disk that answers. The next tick looks again.
                Err(_) => return,
            },
        };
        let Some(taken) = storage.wait(&pending) else {
            self.approval = Some(pending);
            return;
        };
        let request = match taken {
            Ok(Some(request)) => request,
            Ok(None) => {
                self.approval_is_stuck = false;
                return;
            }
            Err(error) => {
                // A log line at every tick would be one a second.
                let is_stuck = !matches!(&error, StateError::Damaged { set_aside: Some(_), .. });
                if !(std::mem::replace(&mut self.approval_is_stuck, is_stuck) && is_stuck) {
                    tracing::warn!(%error, "the approval is not carried out");
                }
                self.state_failures.add(StateFailure::Approval);
                return;
            }
        };
        self.approval_is_stuck = false;
        let (decisions, answer) = self.sources.carry_out(&request, now);
        report::answer(&answer);
        self.apply_decisions(decisions);
        self.save();
        if let Err(error) = storage.run(move |directory| approval::answer(directory, &answer)) {
            tracing::warn!(%error, "the answer to the approval is not written");
            self.state_failures.add(StateFailure::Approval);
        }
    }

    /// Saves the gates. Schedules another save if this one fails or something waits.
    pub(super) fn save(&mut self) {
        let Some(storage) = self.storage.clone() else { return };
        if storage.is_late() {
            self.save_again();
            return;
        }
        let waits = self.sources.pending().iter().any(|(_, count)| *count > 0);
        self.save_at = waits.then(|| Instant::now() + SAVE);
        let gates = self.sources.gates(&self.now);
        if let Err(error) = storage.run(move |directory| gates::save(directory, &gates)) {
            tracing::warn!(%error, "the gates are not saved: decisions since then are lost if the daemon ends");
            self.state_failures.add(StateFailure::Gates);
            self.save_again();
        }
    }

    /// Schedules another save of everything soon, because something could not be written.
    pub(super) fn save_again(&mut self) {
        let (now, soon) = (Instant::now(), Instant::now() + AGAIN);
        self.save_at = Some(self.save_at.filter(|at| *at > now).map_or(soon, |at| at.min(soon)));
    }
}
