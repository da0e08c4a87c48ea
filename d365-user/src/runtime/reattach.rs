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
        // The watch does not look before the start is complete.
        let _pass = state.pass();
        let programs = vec![Programs::default(); state.names().len()];
        state.set_live(Live { links: kernel.links(), programs });
        let stack = Stack::read_or_warn();
        let present = present(state, &stack)?;
        self.rows.load(kernel, &present)?;
        let round = &mut Round { kernel, state, failsafe: None, inherited, stack: &stack, may_wait };
        let attempts = self.round(round, &present, true)?;
        let attached = state.attached();
        if !may_wait && attached.is_empty() {
            let mut errors = attempts.into_iter().filter_map(|attempt| attempt.outcome.err());
            let patterns = interfaces.texts().collect::<Vec<_>>().join(",");
            let last = errors.rfind(|error| !is_missing(error));
            return Err(last.unwrap_or_else(|| InterfaceError::NoMatch { patterns }.into()));
        }
        for mut attempt in attempts {
            let is_unused = |row: &usize| attempt.outcome.is_err() && !state.has_program(*row);
            let is_named = interfaces.names.contains(&attempt.interface.name);
            if let Some(row) = attempt.row.take_if(|row| !is_named && is_unused(row)) {
                let interface = attempt.interface.name.clone();
                let failed = |source| AttachError::RowName { interface, source: Box::new(source) };
                state.free_row_of(row).map_err(failed)?;
            }
            self.report(state, attempt);
        }
        let is_free = |interface: &&Interface| interface.is_present() && !attached.contains(interface);
        present.iter().filter(is_free).for_each(Kernel::remove_stale_filters);
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
        // The kernel may answer at the next try.
        let Ok(stack) = &Stack::read() else { return };
        if is_due {
            // The look forgets the interfaces that are gone.
            state.look(&Report::default(), &[]);
        }
        let inherited = &mut Inherited::default();
        let round = &mut Round { kernel, state, failsafe, inherited, stack, may_wait: true };
        let found = present(state, stack).map_err(AttachError::from);
        match found.and_then(|interfaces| self.round(round, &interfaces, is_due)) {
            Ok(attempts) => attempts.into_iter().for_each(|attempt| self.report(state, attempt)),
            Err(error) => tracing::debug!(%error, "the interfaces cannot be found; they are tried again"),
        }
    }

    /// Attaches to interfaces that match a pattern and have no row, and what the rows lack if they are due:
    /// on lower devices first. `interfaces` are those of [`present`]. Returns its attempts.
    ///
    /// # Errors
    /// At the start, [`AttachError`] for an interface that has its name from the operator.
    fn round(
        &mut self,
        round: &mut Round<'_>,
        interfaces: &[Interface],
        is_due: bool,
    ) -> Result<Vec<Attempt>, AttachError> {
        let state = round.state;
        let names = state.names();
        self.left_out.retain(|name, _| interfaces[names.len()..].iter().any(|new| new.name == *name));
        let mut attempts = Vec::new();
        for at in round.stack.bottom_up(interfaces) {
            let interface = &interfaces[at];
            let (row, outcome) = match names.get(at) {
                Some(name) if name.is_empty() || !is_due => continue,
                Some(name) => {
                    let outcome = self.rows.attach(round, at, interface);
                    let must_fit = round.inherited.is_start() && state.interfaces().names.contains(name);
                    let ends_the_start =
                        |error: &AttachError| must_fit && !(round.may_wait && is_missing(error));
                    match outcome {
                        Err(error) if ends_the_start(&error) => return Err(error),
                        outcome => (Some(at), outcome),
                    }
                }
                None => self.add(round, interface),
            };
            attempts.push(Attempt { row, interface: interface.clone(), outcome });
        }
        Ok(attempts)
    }

    /// Attaches to an interface that matches a pattern. It gets a row if a program may have counted there.
    fn add(
        &mut self,
        round: &mut Round<'_>,
        interface: &Interface,
    ) -> (Option<usize>, Result<(), AttachError>) {
        let (state, name) = (round.state, interface.name.clone());
        if state.names().contains(&name) {
            return (None, Err(InterfaceError::NameTaken { name }.into()));
        }
        let Some(row) = state.free_row() else {
            return (None, Err(InterfaceError::NoRow { name }.into()));
        };
        // The next daemon must know whose row it is before a program counts in it.
        if let Err(error) = state.record_name(row, &name) {
            return (None, Err(AttachError::RowName { interface: name, source: Box::new(error) }));
        }
        let attached = self.rows.attach(round, row, interface);
        if state.has_program(row) {
            state.set_name(row, &name);
            return (Some(row), attached);
        }
        // Nothing was counted. If this fails, the row has a name and no counts.
        let _ = round.kernel.set_row(row, &Interface::absent(""));
        let _ = state.record_name(row, "");
        (None, attached)
    }

    /// Logs a new reason why an interface cannot be attached, and keeps it: that of a row for the readiness.
    fn report(&mut self, state: &State, Attempt { row, interface, outcome }: Attempt) {
        let iface = interface.name;
        // The loss of a missing interface is logged already.
        let error = outcome.err().filter(|error| !is_missing(error)).map(|error| error.to_string());
        match (row, error) {
            (Some(row), error) => {
                self.left_out.remove(&iface);
                if error.is_some() {
                    self.try_at = Instant::now() + PAUSE;
                }
                if state.set_problem(row, error.as_ref())
                    && let Some(error) = error
                {
                    tracing::error!(iface, error, next_try = %duration(PAUSE), "cannot attach");
                }
            }
            (None, Some(error)) => {
                if self.left_out.insert(iface.clone(), error.clone()).as_ref() != Some(&error) {
                    tracing::warn!(iface, error, "an interface that matches a pattern is not attached");
                }
            }
            (None, None) => {}
        }
        state.set_left_out(self.left_out.len());
    }
}

/// An attempt to attach to an interface.
struct Attempt {
    /// `None` if the interface has got no row.
    row: Option<usize>,
    interface: Interface,
    outcome: Result<(), AttachError>,
}

fn is_missing(error: &AttachError) -> bool {
    matches!(error, AttachError::Interface(InterfaceError::NotFound { .. }))
}

/// The interface of each row, and then those that match a pattern and have no row. The interface of a row is
/// the one that is watched or, if that is gone, the one that has the name.
///
/// # Errors
/// [`InterfaceError::Netlink`] if the kernel does not answer.
fn present(state: &State, stack: &Stack) -> Result<Vec<Interface>, InterfaceError> {
    let names = state.names();
    let watched = state.watched();
    let of_row = |(name, known): (&String, Option<Interface>)| match known {
        Some(interface) => Ok(interface),
        None if name.is_empty() => Ok(Interface::absent(name)),
        None => match Interface::find(name) {
            Err(InterfaceError::NotFound { .. }) => Ok(Interface::absent(name)),
            found => found,
        },
    };
    let mut interfaces = names.iter().zip(watched).map(of_row).collect::<Result<Vec<_>, _>>()?;
    let has_row = |found: &Interface| {
        let mut rows = names.iter().zip(&interfaces);
        rows.any(|(name, row)| row.index == found.index || *name == found.name && !row.is_present())
    };
    let matching = stack.matching(|name| state.interfaces().is_match(name));
    let new: Vec<_> = matching.filter(|found| !has_row(found)).collect();
    interfaces.extend(new);
    Ok(interfaces)
}
