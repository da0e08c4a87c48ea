//! The daemon's life: the stages in their order, then serving until it is asked to stop.
//!
//! Everything that can fail without touching an interface comes first; what is attached is detached
//! again when a later step fails. It holds no logic of any stage.

mod book;
mod error;
mod state;

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::watch, task::spawn_blocking};

pub use book::DraftError;
pub use error::StartError;

use crate::{
    config::Config,
    http::{self, Endpoints, Readiness},
    kernel::{self, Attached, Counters, Interface, Kernel, PacketLog},
    ranges::{Policy, RangeSet},
    shutdown,
    snapshot::{LinkKind, Mode, SnapshotSource as _},
    source, view,
};
use book::{Book, Draft};
use state::{Live, State};

/// How often the daemon looks whether its program is still attached.
const WATCH: Duration = Duration::from_secs(5);
/// Warnings of the range lists that are logged one by one.
const MOST_WARNINGS: usize = 20;

/// Runs the daemon until SIGINT, SIGTERM or SIGHUP.
///
/// # Errors
/// [`StartError`] when it could not start; every interface is then as it was.
pub async fn run(config: Config) -> Result<(), StartError> {
    let mut stop = pin!(shutdown::requested().map_err(StartError::Signals)?);
    let reading = spawn_blocking(move || read_ranges(&config).map(|set| (config, set)));
    let (config, set) = tokio::select! {
        // A file that does not answer must not keep the daemon from stopping.
        signal = &mut stop => return stopped_early(signal),
        read = reading => read.map_err(StartError::Panicked)??,
    };
    let mut book = Book::new(config.max_ranges);
    let draft = book.draft(&set)?;
    book.announce(&draft);
    let listen = |source| StartError::Listen { address: config.listen, source };
    let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;

    let state = Arc::new(State::new(book, &config.interfaces, address));
    let (ready, readiness) = watch::channel(Readiness::NotReady("starting".into()));
    let (stop_serving, mut stopped) = watch::channel(false);
    let endpoints = Endpoints::new(state.clone(), readiness);
    let mut server = tokio::spawn(http::serve(listener, endpoints, async move {
        // A sender that is gone means the same.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    }));

    let mut starting = spawn_blocking(move || start_kernel(&config, draft));
    let started = tokio::select! {
        signal = &mut stop => {
            let stopped = stopped_early(signal);
            // What it has attached by then is detached by dropping it.
            drop(starting.await);
            return stopped;
        }
        started = &mut starting => started.map_err(StartError::Panicked)??,
    };
    let Started { kernel, counters, attached, draft, packet_log } = started;
    state.set_live(Live { counters, attached });
    // No range is gone with the first generation, so no counter is read.
    let _ = state.book().enter(draft, |_| Ok::<_, std::convert::Infallible>(Vec::new()));
    announce(&state);
    ready.send_replace(Readiness::Ready);

    let reason = tokio::select! {
        signal = &mut stop => signal,
        result = &mut server => return Err(StartError::Server(result.err())),
        never = forward(packet_log) => match never {},
        never = watch_attachments(&state, &ready) => match never {},
    };
    shutdown::force_after(shutdown::DEADLINE).map_err(StartError::Signals)?;
    tracing::info!("{reason}: detaching and stopping");
    ready.send_replace(Readiness::NotReady("stopping".into()));
    drop(kernel);
    stop_serving.send_replace(true);
    // What goes wrong while answering the last scrape does not matter any more.
    let _ = server.await;
    tracing::info!("detached and stopped");
    Ok(())
}

/// A stop before anything was ready.
fn stopped_early(signal: &str) -> Result<(), StartError> {
    shutdown::force_after(shutdown::DEADLINE).map_err(StartError::Signals)?;
    tracing::info!("{signal} while starting: stopping");
    Ok(())
}

/// Forwards log records of packets for as long as the daemon runs.
async fn forward(packet_log: Option<PacketLog>) -> Infallible {
    if let Some(log) = packet_log
        && let Err(error) = log.forward().await
    {
        tracing::error!("packets are not logged any more: {error}");
    }
    std::future::pending().await
}

/// Says once when an attachment is lost or back, and is not ready while one is lost.
async fn watch_attachments(state: &State, ready: &watch::Sender<Readiness>) -> Infallible {
    let mut known = Vec::new();
    loop {
        tokio::time::sleep(WATCH).await;
        let lost = state.lost();
        if lost == known {
            continue;
        }
        if lost.is_empty() {
            tracing::info!("attached again everywhere");
            ready.send_replace(Readiness::Ready);
        } else {
            let lost = lost.join(", ");
            tracing::error!(
                "not attached any more: {lost} (gone, moved, or detached by somebody else); \
                 its packets are not counted; restart d365-user to attach again"
            );
            ready.send_replace(Readiness::NotReady(format!("not attached any more: {lost}").into()));
        }
        known = lost;
    }
}

/// Reads every list and compiles one set of them.
fn read_ranges(config: &Config) -> Result<RangeSet, StartError> {
    let lists = config.ranges.iter().map(source::load).collect::<Result<Vec<_>, _>>()?;
    let policy = Policy { allow_special: config.allow_special, max_ranges: config.max_ranges };
    let set = RangeSet::build(&lists, &policy)?;
    for warning in set.warnings().iter().take(MOST_WARNINGS) {
        tracing::warn!("{warning}");
    }
    match set.warnings().len().saturating_sub(MOST_WARNINGS) {
        0 => {}
        more => tracing::warn!("and {more} more remarks on the range lists"),
    }
    Ok(set)
}

/// What has been started.
struct Started {
    kernel: Kernel,
    counters: Counters,
    attached: Vec<Attached>,
    draft: Draft,
    packet_log: Option<PacketLog>,
}

/// Loads, publishes and attaches, in this order. On an error everything is undone by dropping it.
fn start_kernel(config: &Config, draft: Draft) -> Result<Started, StartError> {
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
        watch: false,
    };
    let (mut kernel, counters) = Kernel::load(kernel::OBJECT, &options)?;
    tracing::debug!("the kernel took program {}", kernel.program_name());
    kernel.publish(&draft.compiled)?;
    let packet_log = config.log_packets.then(|| kernel.packet_log()).transpose()?;
    let attached = interfaces
        .iter()
        .map(|interface| kernel.attach(interface, config.mode))
        .collect::<Result<Vec<_>, _>>()?;
    for attached in &attached {
        remark(attached);
    }
    Ok(Started { kernel, counters, attached, draft, packet_log })
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
fn announce(state: &State) {
    match state.snapshot() {
        Ok(snapshot) => {
            for line in view::summary(&snapshot) {
                tracing::info!("{line}");
            }
        }
        Err(error) => tracing::error!("the counters cannot be read: {error}"),
    }
}
