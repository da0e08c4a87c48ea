//! Attaches programs again to an interface that lost them or has returned, and to each interface that matches
//! a pattern. It tries every few seconds, and never replaces a program of another owner.
//!
//! An interface that matches a pattern gets a row of the counters when it is first attached, and keeps it.
//! One that cannot be attached gets none: it is logged and left out.

mod row;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use tokio::sync::watch;

use self::row::{Round, Rows};
use super::{
    attach::{Choice, Programs},
    failsafe::Failsafe,
    interface::Seen,
    state::{Live, State},
};
use crate::{
    kernel::{AttachError, Inherited, Interface, InterfaceError, Kernel, Report, Stack},
    logging::duration,
};

/// Time between a failure and the next try, and between two searches for interfaces that match a pattern.
const PAUSE: Duration = Duration::from_secs(2);

/// Keeps the programs attached after the start.
pub(crate) struct Reattach {
    rows: Rows,
    /// The results of the last look at the interfaces.
    seen: watch::Receiver<Vec<Seen>>,
    /// The time of the next try after a failure.
    try_at: Instant,
    /// The time of the next search for interfaces that match a pattern.
    search_at: Instant,
    /// The interfaces that match a pattern and have no row, each with the reason.
    left_out: BTreeMap<String, String>,
}

impl Reattach {
    pub(crate) fn new(choice: Choice, seen: watch::Receiver<Vec<Seen>>) -> Self {
        let (try_at, search_at) = (Instant::now(), Instant::now());
        Self { rows: Rows::new(choice), seen, try_at, search_at, left_out: BTreeMap::new() }
    }

    /// Attaches to every interface, at the start. Those that have their names from the operator must exist,
    /// unless the daemon `may_wait` for them, and take the program.
    ///
    /// # Errors
    /// [`AttachError`] for the first of those; or, if the daemon is attached to no interface and need not
    /// wait for one, for the last that matches a pattern.
    pub(crate) fn begin(
        &mut self,
        kernel: &mut Kernel,
        state: &State,
        inherited: &mut Inherited,
        may_wait: bool,
    ) -> Result<(), AttachError> {
        let interfaces = state.interfaces();
        // Nobody looks before everything is attached.
        let _pass = state.pass();
        let programs = vec![Programs::default(); state.names().len()];
        state.set_live(Live { links: kernel.links(), programs });
        let stack = Stack::read_or_warn();
        let error =
            self.round(&mut Round { kernel, state, failsafe: None, inherited, stack: &stack, may_wait })?;
        let is_attached = |live: &Live| live.programs.iter().any(|programs| programs.attached.is_some());
        if !may_wait && !state.live().is_some_and(|live| is_attached(&live)) {
            let patterns = interfaces.texts().collect::<Vec<_>>().join(",");
            return Err(error.unwrap_or_else(|| InterfaceError::NoMatch { patterns }.into()));
        }
        for pattern in &interfaces.patterns {
            if stack.matching(|name| pattern.matches(name)).next().is_none() {
                tracing::warn!(iface = pattern.as_str(), "no interface matches the pattern yet");
            }
        }
        Ok(())
    }

    /// Attaches the missing programs of each row, and to interfaces that match a pattern and have none.
    pub(crate) fn keep(&mut self, kernel: &mut Kernel, state: &State, failsafe: Option<&mut Failsafe>) {
        let now = Instant::now();
        let is_lost = self.seen.borrow().iter().any(|seen| seen.loss.is_some());
        let is_due = is_lost && now >= self.try_at;
        let is_searching = !state.interfaces().patterns.is_empty() && now >= self.search_at;
        if !is_due && !is_searching {
            return;
        }
        self.search_at = now + PAUSE;
        let _pass = state.pass();
        let stack = &Stack::read().unwrap_or_default();
        let inherited = &mut Inherited::default();
        // After the start each failure is reported by itself.
        let _ = self.round(&mut Round { kernel, state, failsafe, inherited, stack, may_wait: true });
    }

    /// Attaches what is missing, on lower devices first. Returns the reason why the last interface without a
    /// row could not be attached.
    ///
    /// # Errors
    /// At the start, [`AttachError`] for an interface that has its name from the operator.
    fn round(&mut self, round: &mut Round<'_>) -> Result<Option<AttachError>, AttachError> {
        let state = round.state;
        // The look forgets the interfaces that are gone.
        state.look(&Report::default(), &[]);
        let Some(live) = state.live() else { return Ok(None) };
        let names = state.names();
        let mut interfaces: Vec<_> =
            names.iter().zip(&live.programs).map(|(name, programs)| now(name, programs)).collect();
        let new = without_row(state, round.stack, &names, &interfaces);
        self.left_out.retain(|name, _| new.iter().any(|interface| interface.name == *name));
        interfaces.extend(new);
        let mut last = None;
        for at in round.stack.bottom_up(&interfaces) {
            let interface = &interfaces[at];
            match names.get(at) {
                Some(name) if name.is_empty() => {}
                Some(name) => {
                    let attached = self.rows.attach(round, at, interface);
                    let is_missing =
                        matches!(attached, Err(AttachError::Interface(InterfaceError::NotFound { .. })));
                    let must_fit = round.inherited.is_start() && state.interfaces().names.contains(name);
                    if must_fit && !(is_missing && round.may_wait) {
                        attached?;
                    } else {
                        self.report(state, at, interface, attached);
                    }
                }
                None => last = self.add(round, interface).err().or(last),
            }
        }
        state.set_left_out(self.left_out.len());
        Ok(last)
    }

    /// Attaches to an interface that matches a pattern. It gets a row if a program may have counted there.
    fn add(&mut self, round: &mut Round<'_>, interface: &Interface) -> Result<(), AttachError> {
        let (state, name) = (round.state, interface.name.as_str());
        let attached = match state.free_row() {
            None => Err(InterfaceError::NoRow { name: name.to_owned() }.into()),
            // The next daemon must know whose row it is before a program counts in it.
            Some(row) => match state.record_name(row, name) {
                Err(error) => {
                    Err(AttachError::RowName { interface: name.to_owned(), source: Box::new(error) })
                }
                Ok(()) => {
                    let attached = self.rows.attach(round, row, interface);
                    if state.has_program(row) {
                        state.set_name(row, name);
                        self.left_out.remove(name);
                        self.report(state, row, interface, attached);
                        return Ok(());
                    }
                    // Nothing was counted. If this fails, the row has a name and no counts.
                    let _ = round.kernel.set_row(row, &Interface::absent(""));
                    let _ = state.record_name(row, "");
                    attached
                }
            },
        };
        match &attached {
            // It has gone in the meantime.
            Ok(()) | Err(AttachError::Interface(InterfaceError::NotFound { .. })) => {}
            Err(error) => {
                let reason = error.to_string();
                if self.left_out.insert(name.to_owned(), reason.clone()) != Some(reason) {
                    tracing::warn!(iface = name, %error, "an interface that matches a pattern is not attached");
                }
            }
        }
        attached
    }

    /// Logs a new reason why the interface of a row cannot be attached, and keeps it for the readiness.
    fn report(
        &mut self,
        state: &State,
        row: usize,
        interface: &Interface,
        attached: Result<(), AttachError>,
    ) {
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
            let iface = interface.name.as_str();
            tracing::error!(iface, error, next_try = %duration(PAUSE), "cannot attach");
        }
    }
}

/// The interface of a row: the one that is watched, or if that is gone, the one that has the name.
fn now(name: &str, programs: &Programs) -> Interface {
    let known = programs.attached.as_ref().map(|attached| &attached.interface);
    match known.filter(|interface| interface.is_present()) {
        Some(interface) => interface.clone(),
        None if name.is_empty() => Interface::absent(name),
        None => Interface::find(name).unwrap_or_else(|_| Interface::absent(name)),
    }
}

/// The interfaces that match a pattern and are neither by name nor by index those of a row.
fn without_row(state: &State, stack: &Stack, names: &[String], interfaces: &[Interface]) -> Vec<Interface> {
    let has_row = |found: &Interface| {
        names.contains(&found.name) || interfaces.iter().any(|interface| interface.index == found.index)
    };
    stack.matching(|name| state.interfaces().is_match(name)).filter(|found| !has_row(found)).collect()
}
