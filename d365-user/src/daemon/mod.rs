//! Runs the daemon: the stages in their order, then serving until a signal asks it to stop.
//!
//! Every step that can fail without touching an interface comes first. If a later step fails, the daemon
//! closes its links: an interface is then as it was, or has a program that something keeps. This module
//! contains no logic of any stage.

mod adopt;
mod check;
mod error;
mod listen;
mod notify;
pub(crate) mod start;

use std::{convert::Infallible, pin::pin, sync::Arc};

use tokio::sync::watch::channel;

pub use error::StartError;

use crate::{
    config::Config,
    http::{self, Endpoints, Readiness, WebConfig},
    kernel::PacketLog,
    resources::Worker,
    runtime::{Failsafe, State, azure, watch},
    service_manager,
    shutdown::{self, Deadline},
    updater::{self, Prepared},
};
use adopt::Adoption;
use listen::{Listening, listen};
use start::Started;

/// Runs the daemon until SIGINT or SIGTERM. On SIGHUP it reads every source again. It makes every thread that
/// it needs before the first attachment.
///
/// # Errors
/// [`StartError`] if the daemon could not start; an interface is then as it was, or has the program of the
/// earlier daemon or of this one.
pub async fn run(config: Config) -> Result<(), StartError> {
    let mut stop = pin!(shutdown::requested().map_err(StartError::Signals)?);
    let hangups = shutdown::hangups().map_err(StartError::Signals)?;
    shutdown::release();
    let deadline = Deadline::new()?;
    let updates = Worker::start("updates", "keep the range list current")?;
    let config = Arc::new(config);
    let web_config = config.web_config.clone();
    let reading = updates.run(move || web_config.as_deref().map(WebConfig::read).transpose());
    let web_config = tokio::select! {
        signal = &mut stop => return stopped_early(signal, &deadline),
        read = reading => read.map_err(|_| StartError::Panicked)??,
    };
    let azure = Arc::new(azure::Known::default());
    let (own, known) = (Arc::clone(&config), Arc::clone(&azure));
    let preparing = updates.run(move || updater::prepare(&own, known));
    let prepared = tokio::select! {
        // A file that does not answer must not keep the daemon from stopping.
        signal = &mut stop => return stopped_early(signal, &deadline),
        prepared = preparing => prepared.map_err(|_| StartError::Panicked)??,
    };
    let Prepared { updater, events, set, is_hung } = prepared;
    let mut passed = service_manager::passed();
    let failures = Arc::new(http::Failures::default());
    let Listening { listeners, access, hosts, urls } = listen(&config, web_config, &mut passed, &failures)?;
    let (own, first) = (Arc::clone(&config), set.clone());
    let adopting = updates.run(move || adopt::adopt(&own, &first, passed));
    let Adoption { inherited, counters, rows, published, pending } = tokio::select! {
        signal = &mut stop => return stopped_early(signal, &deadline),
        adopted = adopting => adopted.map_err(|_| StartError::Panicked)??,
    };

    let watched = config.watch_azure.then(|| Arc::clone(&azure));
    let state = Arc::new(State::new(published, counters, rows, &config, Arc::clone(&failures), watched));
    state.set_updates(updater.updates());
    state.follow_range_metrics(&set);
    let (ready, readiness) = channel(Readiness::NotReady("starting".into()));
    let (stop_serving, mut stopped) = channel(false);
    let endpoints = Endpoints::new(state.clone(), readiness.clone(), failures, hosts)?;
    let mut server = tokio::spawn(http::serve(listeners, endpoints, access, async move {
        // A dropped sender means a stop as well.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    }));

    let changes = events.clone();
    let wake = move || drop(changes.send(updater::Event::Interfaces));
    let seen = watch::start(Arc::clone(&state), wake)?;
    let (own, shared, changes) = (Arc::clone(&config), Arc::clone(&state), seen.clone());
    let mut starting = updates.run(move || start::start(&own, updater, pending, inherited, &shared, changes));
    let started = tokio::select! {
        signal = &mut stop => {
            let stopped = stopped_early(signal, &deadline);
            // Dropping the kernel object closes what the start has attached by then.
            drop(starting.await);
            return stopped;
        }
        started = &mut starting => started.map_err(|_| StartError::Panicked)??,
    };
    let Started { kernel, updater, packet_log, samples, failsafe, reattach, seen: first } = started;
    let shared = Arc::clone(&state);
    let mut updating = updates.run(move || {
        updater::summary(&*shared, &config, failsafe.as_ref().map(Failsafe::prefixes), &urls);
        updater.run(kernel, failsafe, reattach, &shared);
    });

    service_manager::ready();
    let reason = tokio::select! {
        signal = &mut stop => signal,
        result = &mut server => return Err(StartError::Server(result.err())),
        _ = &mut updating => return Err(StartError::Updater),
        never = forward(packet_log) => match never {},
        never = watch::keep_readiness(first, seen, is_hung, &ready) => match never {},
        never = azure::watch(samples, &azure) => match never {},
        never = notify::reload(hangups, &events) => match never {},
        never = notify::status(&state, readiness) => match never {},
        never = notify::watchdog(&events) => match never {},
    };
    deadline.start(shutdown::DEADLINE);
    tracing::info!(reason, "the daemon is stopping");
    service_manager::stopping();
    ready.send_replace(Readiness::NotReady("stopping".into()));
    // An updater that has already ended has closed the kernel object.
    let _ = events.send(updater::Event::Stop);
    let _ = updating.await;
    stop_serving.send_replace(true);
    // An error while answering the last scrape does not matter any more.
    let _ = server.await;
    tracing::info!("the daemon stopped");
    ended_by(reason)
}

/// Ends a start that a signal interrupted.
fn stopped_early(signal: &'static str, deadline: &Deadline) -> Result<(), StartError> {
    deadline.start(shutdown::DEADLINE);
    tracing::info!(reason = signal, "stopping while starting");
    ended_by(signal)
}

/// A stop by SIGXCPU is an error, so that a supervisor starts the daemon again.
fn ended_by(signal: &'static str) -> Result<(), StartError> {
    if signal == shutdown::PROCESSOR_TIME { Err(StartError::ProcessorTime) } else { Ok(()) }
}

/// Forwards log records of packets while the daemon runs.
async fn forward(packet_log: Option<PacketLog>) -> Infallible {
    if let Some(log) = packet_log
        && let Err(error) = log.forward().await
    {
        tracing::error!(%error, "packets are not logged any more");
    }
    std::future::pending().await
}
