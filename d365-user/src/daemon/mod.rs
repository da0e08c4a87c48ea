//! The daemon's life: the stages in their order, then serving until it is asked to stop.
//!
//! Everything that can fail without touching an interface comes first; what is attached is detached
//! again when a later step fails. It holds no logic of any stage.

mod book;
mod error;
mod state;

use std::sync::Arc;

use tokio::{net::TcpListener, sync::watch, task::spawn_blocking};

pub use book::DraftError;
pub use error::StartError;

use crate::{
    config::Config,
    generation::Compiled,
    http::{self, Endpoints, Readiness},
    kernel::{self, Attached, Counters, Interface, Kernel},
    ranges::{Policy, RangeSet},
    shutdown,
    snapshot::{LinkKind, SnapshotSource as _},
    source, view,
};
use book::Book;
use state::{Live, State};

/// Runs the daemon until SIGINT or SIGTERM.
///
/// # Errors
/// [`StartError`] when it could not start; every interface is then as it was.
pub async fn run(config: Config) -> Result<(), StartError> {
    let stop = shutdown::requested().map_err(StartError::Signals)?;
    let set = read_ranges(&config)?;
    let mut book = Book::new(config.max_ranges);
    let draft = book.draft(&set)?;
    book.announce(&draft);
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|source| StartError::Listen { address: config.listen, source })?;
    let address =
        listener.local_addr().map_err(|source| StartError::Listen { address: config.listen, source })?;

    let state = Arc::new(State::new(book, &config.interfaces, address));
    let (ready, readiness) = watch::channel(Readiness::NotReady("starting".into()));
    let (stop_serving, stopped) = watch::channel(false);
    let endpoints = Endpoints::new(state.clone(), readiness);
    let mut server = tokio::spawn(http::serve(listener, endpoints, async move {
        let mut stopped = stopped;
        // A sender that is gone means the same.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    }));

    let log_packets = config.log_packets;
    let started = spawn_blocking(move || {
        let (kernel, counters, attached) = start_kernel(&config, &draft.compiled)?;
        Ok::<_, StartError>((kernel, counters, attached, draft))
    });
    let (mut kernel, counters, attached, draft) = started.await.map_err(StartError::Panicked)??;
    let packet_log = log_packets.then(|| kernel.packet_log()).transpose()?;
    state.set_live(Live { counters, attached });
    // No range is gone with the first generation, so no counter is read.
    let _ = state.book().enter(draft, |_| Ok::<_, std::convert::Infallible>(Vec::new()));
    announce(&state);
    ready.send_replace(Readiness::Ready);

    let forward = async {
        match packet_log {
            Some(log) => log.forward().await.map(|never| match never {}),
            None => std::future::pending().await,
        }
    };
    let reason = tokio::select! {
        signal = stop => signal,
        result = &mut server => return Err(StartError::Server(result.err())),
        Err(error) = forward => {
            tracing::error!("packets are not logged any more: {error}");
            std::future::pending().await
        }
    };
    tracing::info!("{reason}: detaching and stopping");
    shutdown::force_after(shutdown::DEADLINE).map_err(StartError::Signals)?;
    ready.send_replace(Readiness::NotReady("stopping".into()));
    drop(kernel);
    stop_serving.send_replace(true);
    // What goes wrong while answering the last scrape does not matter any more.
    let _ = server.await;
    tracing::info!("detached and stopped");
    Ok(())
}

/// Reads every list and compiles one set of them.
fn read_ranges(config: &Config) -> Result<RangeSet, StartError> {
    let lists = config.ranges.iter().map(source::load).collect::<Result<Vec<_>, _>>()?;
    let policy = Policy { allow_special: config.allow_special, max_ranges: config.max_ranges };
    let set = RangeSet::build(&lists, &policy)?;
    for warning in set.warnings() {
        tracing::warn!("{warning}");
    }
    Ok(set)
}

/// Loads, publishes and attaches, in this order. On an error everything is undone by dropping it.
fn start_kernel(
    config: &Config,
    compiled: &Compiled,
) -> Result<(Kernel, Counters, Vec<Attached>), StartError> {
    for note in kernel::notes() {
        tracing::info!("{note}");
    }
    let interfaces =
        config.interfaces.iter().map(|name| Interface::find(name)).collect::<Result<Vec<_>, _>>()?;
    kernel::check()?;
    for interface in &interfaces {
        Kernel::require_free(interface)?;
    }
    let options = kernel::Options {
        interfaces: interfaces.clone(),
        ports: config.ports.clone(),
        capacity: config.max_ranges,
        log_packets: config.log_packets,
    };
    let (mut kernel, counters) = Kernel::load(kernel::OBJECT, &options)?;
    tracing::debug!("the kernel took program {}", kernel.program_name());
    kernel.publish(compiled)?;
    let attached = interfaces
        .iter()
        .map(|interface| kernel.attach(interface, config.mode))
        .collect::<Result<Vec<_>, _>>()?;
    for attached in &attached {
        remark(attached);
    }
    Ok((kernel, counters, attached))
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
        tracing::warn!(
            "{name}: attached by netlink, not by a BPF link: if the daemon is killed the program stays; \
             `ip link set dev {name} xdp off` takes it away"
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
