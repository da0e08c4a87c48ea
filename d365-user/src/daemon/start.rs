//! Loads the kernel object, publishes the first generation and attaches, in this order. Every step that can
//! fail without touching an interface comes first. An error undoes all steps.

use std::sync::Arc;

use super::StartError;
use crate::{
    config::Config,
    counters::{PendingGeneration, Record, slots_for},
    kernel::{
        self, AttachError, Attached, Interface, Kernel, Links, PacketLog, Samples, Stack, Tagger, TcHold,
    },
    runtime::{Failsafe, Live, State},
    settings::Unlisted,
    snapshot::{LinkKind, Mode},
    updater,
};

pub(crate) struct Started {
    pub(crate) kernel: Kernel,
    pub(crate) record: Record,
    pub(crate) packet_log: Option<PacketLog>,
    pub(crate) samples: Option<Samples>,
    pub(crate) failsafe: Option<Failsafe>,
}

/// Loads, publishes and attaches. From then on `state` shows the attachments and counters.
///
/// # Errors
/// [`StartError`]; every interface is then as it was, and no count is lost.
pub(crate) fn start(
    config: &Config,
    mut record: Record,
    pending: PendingGeneration,
    state: &State,
) -> Result<Started, StartError> {
    for note in kernel::notes() {
        tracing::info!("{note}");
    }
    let interfaces =
        config.interfaces.iter().map(|name| Interface::find(name)).collect::<Result<Vec<_>, _>>()?;
    kernel::distinct(&interfaces)?;
    interfaces.iter().try_for_each(Interface::require_frames)?;
    kernel::check()?;
    let stack = Stack::read().unwrap_or_else(|error| {
        tracing::warn!(
            "cannot read which interface lies above which: {error}; they are attached in the order given"
        );
        Stack::default()
    });
    for interface in &interfaces {
        Kernel::require_free(interface)?;
        Kernel::require_free_above(interface, &stack)?;
    }
    for concern in kernel::survey::misplaced(&interfaces) {
        tracing::warn!("{concern}");
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
        tc: false,
    };
    let (mut kernel, counters) = Kernel::load(kernel::OBJECT, &options)?;
    let counters = Arc::new(counters);
    tracing::debug!("the kernel took program {}", kernel.program_name());
    // No range leaves with the first generation, so no last count is missing.
    let _ = updater::publish_generation(&mut kernel, &mut record, state, pending, || {})?;
    let packet_log = config.log_packets.then(|| kernel.packet_log()).transpose()?;
    let samples = config.watch_azure.then(|| kernel.samples()).transpose()?;
    let failsafe = Failsafe::arm(config, &mut kernel, state)?;
    record.begin(&state.published(), &counters, &config.interfaces, options.capacity);
    let (attached, taggers) = match attach(config, &mut kernel, &interfaces, &stack) {
        Ok(attached) => attached,
        Err(error) => {
            drop(kernel);
            let (attached, taggers) = (Vec::new(), Vec::new());
            state.set_live(Live { counters, links: Links::default(), attached, taggers });
            record.end(state.final_totals());
            return Err(error);
        }
    };
    for attached in &attached {
        log_attachment_warnings(attached);
    }
    taggers.iter().for_each(remark_tagger);
    state.set_live(Live { counters, links: kernel.links(), attached, taggers });
    Ok(Started { kernel, record, packet_log, samples, failsafe })
}

/// Attaches the XDP program to every interface, lower ones first. If packets are marked, it then attaches the
/// tc program. The results are in the order of the interfaces.
fn attach(
    config: &Config,
    kernel: &mut Kernel,
    interfaces: &[Interface],
    stack: &Stack,
) -> Result<(Vec<Attached>, Vec<Tagger>), StartError> {
    let attached = stack.bottom_up(interfaces).into_iter().map(|row| {
        let attached = kernel.attach(&interfaces[row], config.mode)?;
        Ok((row, attached))
    });
    let mut attached = attached.collect::<Result<Vec<_>, AttachError>>()?;
    attached.sort_by_key(|(row, _)| *row);
    let attached = attached.into_iter().map(|(_, attached)| attached).collect();
    let marked = interfaces.iter().filter(|_| config.tags.mark.is_some());
    let taggers = marked.map(|interface| kernel.attach_tagger(interface, config.tags.order));
    Ok((attached, taggers.collect::<Result<_, _>>()?))
}

/// Logs the limits of a tc program.
fn remark_tagger(tagger: &Tagger) {
    let name = &tagger.interface.name;
    if tagger.hold == TcHold::Clsact {
        tracing::info!(
            "{name}: the tc program is held by a clsact filter, for this kernel has no tcx (6.6): if the daemon is killed it \
             stays, marks nothing once the lease has run out, and goes at the next start"
        );
    }
    if tagger.is_preceded {
        tracing::warn!(
            "{name}: another tc filter has the first priority too and runs before the one that marks; it may keep packets \
             from it: `tc filter show dev {name} ingress`"
        );
    }
}

/// Logs the limits of an attachment: generic mode as a fallback, tc programs that it blinds, or no BPF link.
fn log_attachment_warnings(attached: &Attached) {
    let name = &attached.interface.name;
    if let Some(reason) = &attached.fallback {
        tracing::warn!(
            "{name}: native mode refused ({reason}): attached in generic mode, which works and costs more; \
             --mode generic asks for it, --mode native fails instead"
        );
    }
    if !attached.hidden_from.is_empty() {
        tracing::warn!(
            "{name}: in generic mode this kernel hides the Ethernet header from tc: these read packets at a wrong offset, and do \
             not match what they should, or send them on without it: {}; native mode leaves them as they are",
            attached.hidden_from.join(", ")
        );
    }
    if attached.attachment.link == LinkKind::Netlink {
        let xdp = match attached.attachment.mode {
            Mode::Native => "xdp",
            Mode::Generic => "xdpgeneric",
        };
        tracing::warn!(
            "{name}: attached by netlink, not by a BPF link: if the daemon is killed the program stays; \
             `ip link set dev {name} {xdp} off` takes it away"
        );
    }
}
