//! Loads the kernel object, publishes the first generation, sets the leases and attaches, in this order.
//! Every step that can fail without touching an interface comes first. After an error the daemon closes its
//! links.

use d365_common::names;
use tracing::span::EnteredSpan;

use super::StartError;
use crate::{
    config::Config,
    counters::{PendingGeneration, slots_for},
    kernel::{
        self, AttachError, Attached, Inherited, Interface, Kernel, PacketLog, Samples, Stack, Tagger, TcHold,
    },
    runtime::{Failsafe, Live, State},
    settings::Unlisted,
    updater::{self, Updater},
};

pub(crate) struct Started {
    pub(crate) kernel: Kernel,
    pub(crate) updater: Updater,
    pub(crate) packet_log: Option<PacketLog>,
    pub(crate) samples: Option<Samples>,
    pub(crate) failsafe: Option<Failsafe>,
}

/// Loads, publishes and attaches. From then on `state` shows the attachments and counters.
///
/// # Errors
/// [`StartError`]; every interface is then as it was, or has the program of the earlier daemon or this one.
pub(crate) fn start(
    config: &Config,
    mut updater: Updater,
    pending: PendingGeneration,
    mut inherited: Inherited,
    state: &State,
) -> Result<Started, StartError> {
    if !kernel::has_btf() {
        tracing::info!(
            path = kernel::BTF,
            "kernel BTF is missing: not needed to classify, but bpftool shows less"
        );
    }
    let interfaces =
        state.interfaces().iter().map(|name| Interface::find(name)).collect::<Result<Vec<_>, _>>()?;
    kernel::distinct(&interfaces)?;
    interfaces.iter().try_for_each(Interface::require_frames)?;
    kernel::check()?;
    let stack = Stack::read().unwrap_or_else(|error| {
        tracing::warn!(
            %error,
            "cannot read which interface lies above which: they are attached in the order given"
        );
        Stack::default()
    });
    for interface in &interfaces {
        Kernel::require_free(interface, &inherited)?;
        Kernel::require_free_above(interface, &stack, &inherited)?;
    }
    for (iface, remark) in kernel::survey::misplaced(&interfaces) {
        tracing::warn!(iface, remark, "the interface does not see all of its packets, or too many");
    }
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
    let failsafe = Failsafe::arm(config, &mut kernel, state)?;
    let (attached, taggers) = attach(config, &mut kernel, &interfaces, &stack, &mut inherited)?;
    inherited.close(|_| true, "it is not needed any more");
    for attached in &attached {
        log_attachment_warnings(attached);
    }
    taggers.iter().for_each(remark_tagger);
    state.set_live(Live { links: kernel.links(), attached, taggers });
    Ok(Started { kernel, updater, packet_log, samples, failsafe })
}

/// Attaches the XDP program to every interface, lower ones first. If packets are marked, it then attaches the
/// tc program. The results are in the order of the interfaces.
fn attach(
    config: &Config,
    kernel: &mut Kernel,
    interfaces: &[Interface],
    stack: &Stack,
    inherited: &mut Inherited,
) -> Result<(Vec<Attached>, Vec<Tagger>), StartError> {
    let attached = stack.bottom_up(interfaces).into_iter().map(|row| {
        let _span = span(&interfaces[row]);
        let attached = kernel.attach(&interfaces[row], config.mode, inherited)?;
        Ok((row, attached))
    });
    let mut attached = attached.collect::<Result<Vec<_>, AttachError>>()?;
    attached.sort_by_key(|(row, _)| *row);
    let attached = attached.into_iter().map(|(_, attached)| attached).collect();
    let marked = interfaces.iter().filter(|_| config.tags.mark.is_some());
    let taggers = marked.map(|interface| {
        let _span = span(interface);
        kernel.attach_tagger(interface, config.tags.order, inherited)
    });
    Ok((attached, taggers.collect::<Result<_, _>>()?))
}

/// The lines about attaching to an interface name it.
fn span(interface: &Interface) -> EnteredSpan {
    tracing::error_span!("attach", iface = interface.name).entered()
}

/// Logs the limits of a tc program.
fn remark_tagger(tagger: &Tagger) {
    let _span = span(&tagger.interface);
    if tagger.hold == TcHold::Clsact {
        tracing::info!(
            "the tc program is held by a clsact filter, for this kernel has no tcx (6.6): if the daemon is killed it stays, \
             marks nothing once the lease has run out, and goes at the next start"
        );
    }
    if tagger.is_preceded {
        tracing::warn!(
            command = format!("tc filter show dev {} ingress", tagger.interface.name),
            "another tc filter has the first priority too and runs before the one that marks; it may keep packets from it; \
             the command shows it"
        );
    }
}

/// Logs the limits of an attachment: generic mode as a fallback, tc programs that it blinds, or no BPF link.
fn log_attachment_warnings(attached: &Attached) {
    let _span = span(&attached.interface);
    if let Some(error) = &attached.fallback {
        tracing::warn!(
            %error,
            "native mode refused: attached in generic mode, which works and costs more; --mode generic asks for it, \
             --mode native fails instead"
        );
    }
    if !attached.hidden_from.is_empty() {
        tracing::warn!(
            programs = attached.hidden_from.join(", "),
            "in generic mode this kernel hides the Ethernet header from tc: these read packets at a wrong offset, and do not \
             match what they should, or send them on without it; native mode leaves them as they are"
        );
    }
}
