//! Attaches what one row of the counters lacks. The caller selects the row, its interface and the order.

use std::collections::BTreeSet;

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
    /// The indexes of interfaces for which devices above made way without success.
    made_way: BTreeSet<u32>,
}

impl Rows {
    pub(super) fn new(choice: Choice) -> Self {
        Self { choice, made_way: BTreeSet::new() }
    }

    /// Loads the tc programs that these interfaces need in any case, so that the kernel refuses them before
    /// anything is attached.
    ///
    /// # Errors
    /// [`AttachError::Load`].
    pub(super) fn load(&self, kernel: &mut Kernel, interfaces: &[Interface]) -> Result<(), AttachError> {
        self.choice.load(kernel, interfaces)
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
                    self.clear_way(&live, stack, interface, inherited)?;
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

    /// Takes the XDP program of this daemon or an earlier one off the devices directly above: the kernel
    /// takes none below one. Their turn comes after this one's. If it fails all the same, they stay next
    /// time.
    fn clear_way(
        &mut self,
        live: &Live,
        stack: &Stack,
        interface: &Interface,
        inherited: &mut Inherited,
    ) -> Result<(), AttachError> {
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
        if self.made_way.contains(&interface.index) || !self.choice.takes_xdp(interface, inherited) {
            return Ok(());
        }
        inherited.close(|index| stack.is_above(index, interface.index), "a device below it comes first");
        if !above.is_empty() {
            above.iter().for_each(|upper| live.links.release(&upper.interface, true));
            self.made_way.insert(interface.index);
        }
        Ok(())
    }
}
