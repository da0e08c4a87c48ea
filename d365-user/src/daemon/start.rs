//! Loads the kernel object, publishes the first generation, sets the leases and attaches, in this order.
//! Every step that can fail without touching an interface comes first. After an error the daemon closes its
//! links.

use d365_common::names;
use tokio::sync::watch;

use super::StartError;
use crate::{
    config::Config,
    counters::{PendingGeneration, slots_for},
    kernel::{
        self, AttachError, Inherited, Interface, InterfaceError, Kernel, PacketLog, Report, Samples, Stack,
    },
    runtime::{Choice, Failsafe, Live, Programs, Reattach, Seen, State},
    settings::Unlisted,
    updater::{self, Updater},
};

pub(crate) struct Started {
    pub(crate) kernel: Kernel,
    pub(crate) updater: Updater,
    pub(crate) packet_log: Option<PacketLog>,
    pub(crate) samples: Option<Samples>,
    pub(crate) failsafe: Option<Failsafe>,
    /// `None` if programs are not attached again.
    pub(crate) reattach: Option<Reattach>,
    /// The interfaces after everything was attached.
    pub(crate) seen: Vec<Seen>,
}

/// Loads, publishes and attaches. From then on `state` shows the attachments and counters. `changes` has the
/// results of later looks at the interfaces.
///
/// # Errors
/// [`StartError`]; every interface is then as it was, or has the program of the earlier daemon or this one.
pub(crate) fn start(
    config: &Config,
    mut updater: Updater,
    pending: PendingGeneration,
    mut inherited: Inherited,
    state: &State,
    changes: watch::Receiver<Vec<Seen>>,
) -> Result<Started, StartError> {
    if !kernel::has_btf() {
        tracing::info!(
            path = kernel::BTF,
            "kernel BTF is missing: not needed to classify, but bpftool shows less"
        );
    }
    // Interfaces that match a pattern come last, and may fail.
    let find = |name: String| -> Result<Interface, AttachError> {
        let is_named = config.interfaces.names.contains(&name);
        let found = is_named.then(|| Interface::find(&name).map_err(AttachError::from));
        let found = unless_awaited(config, found.transpose())?.flatten();
        Ok(found.unwrap_or_else(|| Interface::absent(&name)))
    };
    let interfaces = state.names().into_iter().map(find).collect::<Result<Vec<_>, _>>()?;
    let (choice, stack) = (Choice::new(config), stack());
    let options = kernel::Options {
        interfaces: interfaces.clone(),
        ports: config.ports.clone(),
        capacity: slots_for(config.max_ranges),
        max_pages: config.max_pages,
        trie_only: false,
        log_packets: config.log_packets,
        watch: config.watch_azure,
        tags: config.tags,
        drop_unlisted: matches!(config.unlisted, Unlisted::Drop { .. }),
    };
    let counters = state.counters();
    let mut kernel =
        Kernel::load_with(&names::PROGRAMS, kernel::OBJECT, &options, counters, inherited.store())?;
    tracing::debug!(program = kernel.program_name(), "the kernel took the program");
    updater::publish_generation(&mut kernel, state, pending, || {})?;
    updater.trust(&mut kernel, state);
    let packet_log = config.log_packets.then(|| kernel.packet_log()).transpose()?;
    let samples = config.watch_azure.then(|| kernel.samples()).transpose()?;
    let failsafe = Failsafe::arm(config, &mut kernel)?;
    let programs = attach(config, choice, &mut kernel, &interfaces, &stack, &mut inherited)?;
    state.set_live(Live { links: kernel.links(), programs });
    let mut reattach = Reattach::new(Choice::new(config), changes);
    reattach.begin(&mut kernel, state, &mut inherited, config.wait_for_iface)?;
    inherited.close(|_| true, "it is not needed any more");
    for (iface, remark) in kernel::survey::misplaced(&state.attached()) {
        tracing::warn!(iface, remark, "the interface does not see all of its packets, or too many");
    }
    let seen = state.look(&Report::default(), &[]);
    let reattach = config.reattach.then_some(reattach);
    Ok(Started { kernel, updater, packet_log, samples, failsafe, reattach, seen })
}

/// Attaches the programs to every interface that exists, to lower ones first. The results are in the order of
/// the interfaces.
fn attach(
    config: &Config,
    choice: Choice,
    kernel: &mut Kernel,
    interfaces: &[Interface],
    stack: &Stack,
    inherited: &mut Inherited,
) -> Result<Vec<Programs>, AttachError> {
    let mut programs = vec![Programs::default(); interfaces.len()];
    let mut order = stack.bottom_up(interfaces);
    order.retain(|row| interfaces[*row].is_present());
    for &row in &order {
        programs[row].attached = unless_awaited(config, choice.counter(kernel, &interfaces[row], inherited))?;
    }
    for row in order {
        let Some(attached) = &programs[row].attached else { continue };
        let tagger = choice.tagger(kernel, attached, inherited);
        programs[row].tagger = unless_awaited(config, tagger)?.flatten();
    }
    Ok(programs)
}

/// Returns `None` for an interface that has vanished, if the daemon waits for interfaces.
fn unless_awaited<T>(config: &Config, result: Result<T, AttachError>) -> Result<Option<T>, AttachError> {
    match result {
        Err(AttachError::Interface(InterfaceError::NotFound { .. })) if config.wait_for_iface => Ok(None),
        result => result.map(Some),
    }
}

/// Checks the interfaces that the operator names, and this process's privileges, before anything of an
/// earlier daemon is touched.
///
/// # Errors
/// [`StartError`].
pub(super) fn check(config: &Config, inherited: &Inherited) -> Result<(), StartError> {
    let names = config.interfaces.names.iter();
    let interfaces = names.map(|name| find(name, config)).collect::<Result<Vec<_>, _>>()?;
    kernel::distinct(&interfaces)?;
    let present: Vec<_> = interfaces.iter().filter(|interface| interface.is_present()).collect();
    for interface in &present {
        unless_awaited(config, interface.header().map_err(AttachError::from))?;
    }
    kernel::check()?;
    let (choice, stack) = (Choice::new(config), stack());
    for interface in present {
        unless_awaited(config, choice.require_fit(interface, &stack, inherited))?;
    }
    Ok(())
}

/// The devices of this network namespace.
fn stack() -> Stack {
    Stack::read().unwrap_or_else(|error| {
        tracing::warn!(
            %error,
            "cannot read which interface lies above which: they are attached in the order given"
        );
        Stack::default()
    })
}

/// Finds an interface. It may be missing if the daemon waits for it.
fn find(name: &str, config: &Config) -> Result<Interface, InterfaceError> {
    match Interface::find(name) {
        Err(InterfaceError::NotFound { .. }) if config.wait_for_iface => {
            tracing::warn!(iface = name, "no interface has this name yet; it is attached when it appears");
            Ok(Interface::absent(name))
        }
        found => found,
    }
}
