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
    kernel::{AttachError, Inherited, Interface, InterfaceError, Kernel, Report, Stack, TcProgram},
    logging::duration,
    snapshot::Mode,
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
        // The look forgets the interfaces that are gone.
        state.look(&Report::default(), &[]);
        let Some(live) = state.live() else { return };
        let stack = Stack::read().unwrap_or_default();
        let names = state.interfaces();
        let interfaces: Vec<_> =
            names.iter().zip(&live.programs).map(|(name, programs)| now(name, programs)).collect();
        for row in stack.bottom_up(&interfaces) {
            let iface = &names[row];
            let attached = self.attach(kernel, state, failsafe.as_deref_mut(), &stack, row, &interfaces[row]);
            let problem = match attached {
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

    /// Attaches the missing programs of a row to its present interface.
    fn attach(
        &mut self,
        kernel: &mut Kernel,
        state: &State,
        failsafe: Option<&mut Failsafe>,
        stack: &Stack,
        row: usize,
        interface: &Interface,
    ) -> Result<(), AttachError> {
        let Some(live) = state.live() else { return Ok(()) };
        // An earlier row of this round may have taken the program off this one.
        let Some(loss) = state.look_at(&live, row, &Report::default())?.loss else { return Ok(()) };
        if !interface.is_present() {
            return kernel.set_row(row, interface);
        }
        let Programs { attached: before, tagger } = live.programs[row].clone();
        let attached = match &before {
            Some(attached) if loss == Loss::Unmarked => attached.clone(),
            _ => {
                // The interface must not drop connections from its own subnet. Its failure is logged.
                if failsafe.is_some_and(|failsafe| !failsafe.refresh(kernel, state)) {
                    return Ok(());
                }
                self.clear_way(&live, stack, row, interface)?;
                kernel.set_row(row, interface)?;
                live.links.release(interface, true);
                let attached = self.choice.counter(kernel, interface, &mut Inherited::default())?;
                self.made_way.remove(&row);
                attached
            }
        };
        let is_marked =
            |tagger: &TcProgram| tagger.interface == *interface && tagger.is_attached().unwrap_or(false);
        let tagger = match tagger.filter(is_marked) {
            Some(tagger) => Ok(Some(tagger)),
            None => {
                live.links.release(interface, false);
                self.choice.tagger(kernel, &attached, &mut Inherited::default())
            }
        };
        let mode = attached.mode.as_str();
        let kept = tagger.as_ref().ok().cloned().flatten();
        state.set_programs(row, Programs { attached: Some(attached), tagger: kept });
        tagger?;
        state.count_reattached(row);
        match before {
            Some(_) => tracing::info!(iface = interface.name, mode, "attached again"),
            None => tracing::info!(iface = interface.name, mode, "attached"),
        }
        Ok(())
    }

    /// Takes the daemon's own XDP program off the devices directly above, for the kernel takes none below
    /// one. Their turn comes after this row's. If this row fails all the same, they stay for a while.
    fn clear_way(
        &mut self,
        live: &Live,
        stack: &Stack,
        row: usize,
        interface: &Interface,
    ) -> Result<(), AttachError> {
        let others = live.programs.iter().filter_map(|programs| programs.attached.as_ref());
        let others: Vec<_> = others.filter(|other| live.links.left(&other.interface).is_none()).collect();
        let is_same = |other: &Interface| other.index == interface.index && other.name != interface.name;
        if let Some(other) = others.iter().find(|other| is_same(&other.interface)) {
            let (name, by) = (interface.name.clone(), other.interface.name.clone());
            return Err(InterfaceError::Watched { name, by }.into());
        }
        let above = others
            .into_iter()
            .filter(|other| other.mode != Mode::Tc && stack.is_above(other.interface.index, interface.index));
        let above: Vec<_> = above.collect();
        let now = Instant::now();
        if above.is_empty()
            || self.made_way.get(&row).is_some_and(|at| now < *at + REST)
            || !self.choice.takes_xdp(interface)
        {
            return Ok(());
        }
        above.iter().for_each(|upper| live.links.release(&upper.interface, true));
        self.made_way.insert(row, now);
        Ok(())
    }
}

/// The interface of a row: the one that is watched, or if that is gone, the one that has the name.
fn now(name: &str, programs: &Programs) -> Interface {
    let known = programs.attached.as_ref().map(|attached| &attached.interface);
    match known.filter(|interface| interface.is_present()) {
        Some(interface) => interface.clone(),
        None => Interface::find(name).unwrap_or_else(|_| Interface::absent(name)),
    }
}
