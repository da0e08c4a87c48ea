//! Loads the kernel object, publishes the first generation and attaches, in this order: everything that can fail without
//! touching an interface comes first. On an error everything is undone.

use super::{
    StartError,
    book::Draft,
    state::{Live, State},
    update::Record,
};
use crate::{
    config::{Config, Unlisted},
    kernel::{self, Attached, Interface, Kernel, PacketLog, Samples},
    snapshot::{LinkKind, Mode, SnapshotSource as _},
    view,
};

/// What has been started.
pub(super) struct Started {
    pub(super) kernel: Kernel,
    pub(super) record: Record,
    pub(super) packet_log: Option<PacketLog>,
    pub(super) samples: Option<Samples>,
}

/// Starts. What is started is shown by `state` from then on.
///
/// # Errors
/// [`StartError`]; every interface is then as it was, and no count is lost.
pub(super) fn start(
    config: &Config,
    mut record: Record,
    draft: Draft,
    state: &State,
) -> Result<Started, StartError> {
    for note in kernel::notes() {
        tracing::info!("{note}");
    }
    let interfaces =
        config.interfaces.iter().map(|name| Interface::find(name)).collect::<Result<Vec<_>, _>>()?;
    kernel::distinct(&interfaces)?;
    kernel::check()?;
    for interface in &interfaces {
        Kernel::require_free(interface)?;
    }
    let options = kernel::Options {
        interfaces: interfaces.clone(),
        ports: config.ports.clone(),
        capacity: config.max_ranges,
        log_packets: config.log_packets,
        watch: config.watch_azure,
        tags: config.tags,
        drop_unlisted: matches!(config.unlisted, Unlisted::Drop { .. }),
    };
    let (mut kernel, counters) = Kernel::load(kernel::OBJECT, &options)?;
    tracing::debug!("the kernel took program {}", kernel.program_name());
    kernel.publish(&draft.compiled)?;
    let packet_log = config.log_packets.then(|| kernel.packet_log()).transpose()?;
    let samples = config.watch_azure.then(|| kernel.samples()).transpose()?;
    // No range of this object is gone with its first generation, so no counter is read.
    let _ = state.book().enter(draft, |_| Ok::<_, std::convert::Infallible>(Vec::new()));
    record.begin(&state.book(), &counters, &config.interfaces, config.max_ranges);
    let attached = interfaces
        .iter()
        .map(|interface| kernel.attach(interface, config.mode))
        .collect::<Result<Vec<_>, _>>();
    let attached = match attached {
        Ok(attached) => attached,
        Err(error) => {
            drop(kernel);
            state.set_live(Live { counters, attached: Vec::new() });
            record.end(state);
            return Err(error.into());
        }
    };
    for attached in &attached {
        remark(attached);
    }
    state.set_live(Live { counters, attached });
    Ok(Started { kernel, record, packet_log, samples })
}

/// Says what is less than it could be about an attachment.
fn remark(attached: &Attached) {
    let name = &attached.interface.name;
    if let Some(reason) = &attached.fallback {
        tracing::warn!(
            "{name}: native mode refused ({reason}): attached in generic mode, which works and costs more; \
             --mode generic asks for it, --mode native fails instead"
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

/// Writes the start-up summary to the log.
pub(super) fn announce(state: &State) {
    match state.snapshot() {
        Ok(snapshot) => {
            for line in view::summary(&snapshot) {
                tracing::info!("{line}");
            }
        }
        Err(error) => tracing::error!("the counters cannot be read: {error}"),
    }
}
