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
    state::{Live, State},
};
use crate::{
    kernel::{
        AttachError, Attached, DetachReason, Inherited, Interface, InterfaceError, Kernel, Report, distinct,
    },
    logging::duration,
};

/// Time between a failure and the next try.
const PAUSE: Duration = Duration::from_secs(2);

/// Attaches again.
pub(crate) struct Reattach {
    choice: Choice,
    /// The results of the last look at the interfaces.
    seen: watch::Receiver<Vec<Seen>>,
    /// The time of the next try after a failure.
    try_at: Instant,
    /// The last logged failure for each interface.
    failures: BTreeMap<String, String>,
}

impl Reattach {
    pub(crate) fn new(choice: Choice, seen: watch::Receiver<Vec<Seen>>) -> Self {
        Self { choice, seen, try_at: Instant::now(), failures: BTreeMap::new() }
    }

    /// Tries to attach what is missing.
    pub(crate) fn keep(&mut self, kernel: &mut Kernel, state: &State, mut failsafe: Option<&mut Failsafe>) {
        if Instant::now() < self.try_at || self.seen.borrow().iter().all(|seen| seen.loss.is_none()) {
            return;
        }
        for (row, iface) in state.interfaces().iter().enumerate() {
            match self.attach(kernel, state, failsafe.as_deref_mut(), row) {
                Ok(None) => {}
                Ok(Some(attached)) => {
                    self.failures.remove(iface);
                    tracing::info!(iface, mode = attached.mode.as_str(), "attached again");
                }
                // The loss itself is logged.
                Err(AttachError::Interface(InterfaceError::NotFound { .. })) => {}
                Err(error) => {
                    self.try_at = Instant::now() + PAUSE;
                    let error = error.to_string();
                    if self.failures.get(iface) != Some(&error) {
                        tracing::error!(iface, error, next_try = %duration(PAUSE), "cannot attach again");
                        self.failures.insert(iface.clone(), error);
                    }
                }
            }
        }
    }

    /// Attaches what the interface of a row lacks. Returns `None` if it lacks nothing.
    fn attach(
        &self,
        kernel: &mut Kernel,
        state: &State,
        failsafe: Option<&mut Failsafe>,
        row: usize,
    ) -> Result<Option<Attached>, AttachError> {
        let Some(live) = state.live() else { return Ok(None) };
        let seen = state.look_at(&live, row, &Report::default())?;
        let Some(loss) = seen.loss else { return Ok(None) };
        let before = live.programs[row].attached.clone();
        let interface = match (loss, &before) {
            (Loss::Absent | Loss::Returned | Loss::Left(DetachReason::Gone), _) | (_, None) => {
                Interface::find(&seen.name)?
            }
            (_, Some(attached)) => attached.interface.clone(),
        };
        let none = &mut Inherited::default();
        let attached = match before {
            Some(attached) if loss == Loss::Unmarked => attached,
            _ => {
                distinct(&with_others(&live, row, &interface))?;
                // The interface must not drop connections from its own subnet.
                if let Some(failsafe) = failsafe {
                    failsafe.look_soon();
                    failsafe.keep(kernel, state);
                }
                kernel.set_row(row, &interface)?;
                live.links.release(&interface, true);
                self.choice.xdp(kernel, &interface, none)?
            }
        };
        let programs = Programs { attached: Some(attached.clone()), tagger: None };
        live.links.release(&interface, false);
        let tagger = self.choice.tagger(kernel, &interface, none);
        state.set_programs(row, Programs { tagger: tagger.as_ref().ok().cloned().flatten(), ..programs });
        tagger?;
        state.count_reattached(row);
        Ok(Some(attached))
    }
}

/// An interface, behind the interfaces of all other rows.
fn with_others(live: &Live, row: usize, interface: &Interface) -> Vec<Interface> {
    let others = live.programs.iter().enumerate().filter(|(other, _)| *other != row);
    let others = others.filter_map(|(_, programs)| Some(programs.attached.as_ref()?.interface.clone()));
    others.filter(|other| live.links.left(other).is_none()).chain([interface.clone()]).collect()
}
