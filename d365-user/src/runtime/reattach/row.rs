//! Attaches what one row of the counters lacks. The caller selects the row, its interface and the order.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::{
    kernel::{AttachError, Inherited, Interface, InterfaceError, Kernel, Report, Stack, TcProgram},
    runtime::{
        attach::{Choice, Programs},
        failsafe::Failsafe,
        interface::Loss,
        state::{Live, State},
    },
    snapshot::Mode,
};

/// Time after which devices make way again for one below that could not be attached.
const REST: Duration = Duration::from_mins(10);

/// The surroundings of one round.
pub(super) struct Round<'a> {
    pub(super) kernel: &'a mut Kernel,
    pub(super) state: &'a State,
    pub(super) failsafe: Option<&'a mut Failsafe>,
    pub(super) inherited: &'a mut Inherited,
    pub(super) stack: &'a Stack,
    /// True if an interface may be missing.
    pub(super) may_wait: bool,
}

/// The rows, as far as attaching to one changes another.
pub(super) struct Rows {
    choice: Choice,
    /// The interfaces for which devices above made way without success, by index, each with the time.
    made_way: BTreeMap<u32, Instant>,
}

impl Rows {
    pub(super) fn new(choice: Choice) -> Self {
        Self { choice, made_way: BTreeMap::new() }
    }

    /// Attaches the missing programs of a row to its present interface.
    pub(super) fn attach(
        &mut self,
        round: &mut Round<'_>,
        row: usize,
        interface: &Interface,
    ) -> Result<(), AttachError> {
        let Round { kernel, state, failsafe, inherited, stack, may_wait } = round;
        let Some(live) = state.live() else { return Ok(()) };
        // An earlier row of this round may have taken the program off this one.
        let seen = state.look_at(&live, row, &interface.name, &Report::default())?;
        let Some(loss) = seen.loss else { return Ok(()) };
        if !interface.is_present() {
            kernel.set_row(row, interface)?;
            let name = interface.name.clone();
            return if *may_wait { Ok(()) } else { Err(InterfaceError::NotFound { name }.into()) };
        }
        let Programs { attached: before, tagger } = live.programs[row].clone();
        let attached = match &before {
            Some(attached) if loss == Loss::Unmarked => attached.clone(),
            _ => {
                // The interface must not drop connections from its own subnet. Its failure is logged.
                if failsafe.as_deref_mut().is_some_and(|failsafe| !failsafe.refresh(kernel, state)) {
                    return Ok(());
                }
                // The kernel replaces the program of a link whatever lies above.
                if !interface.xdp()?.is_some_and(|xdp| inherited.holds(xdp.program)) {
                    self.clear_way(&live, stack, interface)?;
                }
                kernel.set_row(row, interface)?;
                live.links.release(interface, true);
                let attached = self.choice.counter(kernel, interface, inherited)?;
                self.made_way.remove(&interface.index);
                attached
            }
        };
        let is_marked = |tagger: &TcProgram| {
            attached.mode != Mode::Tc
                && tagger.interface == *interface
                && tagger.is_attached().unwrap_or(false)
        };
        let tagger = match tagger.filter(is_marked) {
            Some(tagger) => Ok(Some(tagger)),
            None => {
                live.links.release(interface, false);
                self.choice.tagger(kernel, &attached, inherited)
            }
        };
        let mode = attached.mode.as_str();
        let kept = tagger.as_ref().ok().cloned().flatten();
        state.set_programs(row, Programs { attached: Some(attached), tagger: kept });
        tagger?;
        if inherited.is_start() {
            // The summary has it.
            return Ok(());
        }
        state.count_reattached(row);
        match before {
            Some(_) => tracing::info!(iface = interface.name, mode, "attached again"),
            None => tracing::info!(iface = interface.name, mode, "attached"),
        }
        Ok(())
    }

    /// Takes the daemon's own XDP program off the devices directly above: the kernel takes none below one.
    /// Their turn comes after this one's. If it fails all the same, they stay for a while.
    fn clear_way(&mut self, live: &Live, stack: &Stack, interface: &Interface) -> Result<(), AttachError> {
        let others = live.programs.iter().filter_map(|programs| programs.attached.as_ref());
        let others: Vec<_> = others.filter(|other| live.links.left(&other.interface).is_none()).collect();
        let is_same = |other: &Interface| other.index == interface.index && other.name != interface.name;
        if let Some(other) = others.iter().find(|other| is_same(&other.interface)) {
            let (name, by) = (interface.name.clone(), other.interface.name.clone());
            return Err(InterfaceError::Watched { name, by }.into());
        }
        let is_above = |other: &Interface| stack.is_above(other.index, interface.index);
        let above = others.into_iter().filter(|other| other.mode != Mode::Tc && is_above(&other.interface));
        let above: Vec<_> = above.collect();
        let now = Instant::now();
        if above.is_empty()
            || self.made_way.get(&interface.index).is_some_and(|at| now < *at + REST)
            || !self.choice.takes_xdp(interface)
        {
            return Ok(());
        }
        above.iter().for_each(|upper| live.links.release(&upper.interface, true));
        self.made_way.insert(interface.index, now);
        Ok(())
    }
}
