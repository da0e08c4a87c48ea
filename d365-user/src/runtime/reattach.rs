//! Attaches programs again to an interface that lost them or has returned. It tries every few seconds, and
//! never replaces a program of another owner.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use tokio::sync::watch;

use super::{
    attach::{Choice, Programs},
    failsafe::Failsafe,
    interface::{Loss, Seen},
    state::State,
};
use crate::{
    kernel::{AttachError, DetachReason, Inherited, Interface, InterfaceError, Kernel, Report, Stack},
    logging::duration,
};

/// Time between a failure and the next try.
const PAUSE: Duration = Duration::from_secs(2);
/// Time after which devices make way again for one below that could not be attached.
const REST: Duration = Duration::from_mins(10);

/// Keeps the programs attached after the start.
pub(crate) struct Reattach {
    choice: Choice,
    /// The results of the last look at the interfaces.
    seen: watch::Receiver<Vec<Seen>>,
    /// The time of the next try after a failure.
    try_at: Instant,
    /// The rows for which devices above made way without success, each with the time.
    made_way: BTreeMap<usize, Instant>,
}

impl Reattach {
    pub(crate) fn new(choice: Choice, seen: watch::Receiver<Vec<Seen>>) -> Self {
        Self { choice, seen, try_at: Instant::now(), made_way: BTreeMap::new() }
    }

    /// Attaches the missing programs of each row, on lower devices first.
    pub(crate) fn keep(&mut self, kernel: &mut Kernel, state: &State, mut failsafe: Option<&mut Failsafe>) {
        if Instant::now() < self.try_at || self.seen.borrow().iter().all(|seen| seen.loss.is_none()) {
            return;
        }
        let _pass = state.pass();
        let Some(live) = state.live() else { return };
        let stack = Stack::read().unwrap_or_default();
        let names = state.interfaces();
        let interfaces = names.iter().zip(&live.programs).map(|(name, programs)| {
            let known = programs.attached.as_ref().map(|attached| attached.interface.clone());
            let known = known.filter(Interface::is_present).map_or_else(|| Interface::find(name), Ok);
            known.unwrap_or_else(|_| Interface::absent(name))
        });
        for row in stack.bottom_up(&interfaces.collect::<Vec<_>>()) {
            let iface = &names[row];
            let problem = match self.attach(kernel, state, failsafe.as_deref_mut(), &stack, row) {
                // The loss itself is logged.
                Ok(()) | Err(AttachError::Interface(InterfaceError::NotFound { .. })) => None,
                Err(error) => Some(error.to_string()),
            };
            if problem.is_some() {
                self.try_at = Instant::now() + PAUSE;
            }
            if state.set_problem(row, problem.as_ref())
                && let Some(error) = problem
            {
                tracing::error!(iface, error, next_try = %duration(PAUSE), "cannot attach");
            }
        }
    }

    /// Attaches the missing programs of a row.
    fn attach(
        &mut self,
        kernel: &mut Kernel,
        state: &State,
        failsafe: Option<&mut Failsafe>,
        stack: &Stack,
        row: usize,
    ) -> Result<(), AttachError> {
        let Some(live) = state.live() else { return Ok(()) };
        let seen = state.look_at(&live, row, &Report::default())?;
        let Some(loss) = seen.loss else { return Ok(()) };
        let before = live.programs[row].attached.clone();
        let interface = match (loss, &before) {
            (Loss::Absent | Loss::Left(DetachReason::Gone), _) | (_, None) => {
                match Interface::find(&seen.name) {
                    Err(error @ InterfaceError::NotFound { .. }) => {
                        kernel.set_row(row, &Interface::absent(&seen.name))?;
                        return Err(error.into());
                    }
                    found => found?,
                }
            }
            (_, Some(attached)) => attached.interface.clone(),
        };
        let none = &mut Inherited::default();
        let attached = match &before {
            Some(attached) if loss == Loss::Unmarked => attached.clone(),
            _ => {
                let others =
                    live.programs.iter().filter_map(|programs| Some(&programs.attached.as_ref()?.interface));
                let others: Vec<_> = others.filter(|other| live.links.left(other).is_none()).collect();
                if let Some(other) =
                    others.iter().find(|other| other.index == interface.index && other.name != interface.name)
                {
                    let (name, by) = (interface.name, other.name.clone());
                    return Err(InterfaceError::Watched { name, by }.into());
                }
                interface.require_frames()?;
                Kernel::require_free(&interface, none)?;
                // The interface must not drop connections from its own subnet. Its failure is logged.
                if failsafe.is_some_and(|failsafe| !failsafe.refresh(kernel, state)) {
                    return Ok(());
                }
                // The kernel takes no program below one. The upper one's turn comes after this one's. If the
                // lower one fails all the same, the upper one stays for a while.
                let now = Instant::now();
                let is_due = self.made_way.get(&row).is_none_or(|at| *at + REST <= now);
                for upper in others
                    .iter()
                    .filter(|_| is_due)
                    .filter(|other| stack.is_above(other.index, interface.index))
                {
                    live.links.release(upper, true);
                    self.made_way.insert(row, now);
                }
                kernel.set_row(row, &interface)?;
                live.links.release(&interface, true);
                let attached = self.choice.xdp(kernel, &interface, none)?;
                self.made_way.remove(&row);
                attached
            }
        };
        let before_tagger = live.programs[row].tagger.clone().filter(|tagger| tagger.interface == interface);
        let tagger = match before_tagger {
            Some(tagger) if tagger.is_attached(&live.links).unwrap_or(false) => Ok(Some(tagger)),
            _ => {
                live.links.release(&interface, false);
                self.choice.tagger(kernel, &interface, none)
            }
        };
        let kept = tagger.as_ref().ok().cloned().flatten();
        let mode = attached.mode.as_str();
        state.set_programs(row, Programs { attached: Some(attached), tagger: kept });
        tagger?;
        state.count_reattached(row);
        match before {
            Some(_) => tracing::info!(iface = seen.name, mode, "attached again"),
            None => tracing::info!(iface = seen.name, mode, "attached"),
        }
        Ok(())
    }
}
