//! Loads the kernel object, publishes the first generation, sets the leases and attaches, in this order.
//! Every step that can fail without touching an interface comes first. After an error the daemon closes its
//! links.

use d365_common::names;
use tokio::sync::watch;

use super::StartError;
use crate::{
    config::Config,
    counters::{PendingGeneration, slots_for},
    kernel::{self, Inherited, Interface, Kernel, PacketLog, Report, Samples},
    runtime::{Choice, Failsafe, Reattach, Seen, State},
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
    // The rows get their interfaces when a program is attached.
    let interfaces = state.names().iter().map(|name| Interface::absent(name)).collect();
    let options = kernel::Options {
        interfaces,
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
