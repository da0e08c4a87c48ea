//! Reports the running daemon to the service manager: status line, watchdog and reloads.

use std::{convert::Infallible, future::pending, sync::mpsc::Sender, time::Duration};

use tokio::{
    signal::unix::Signal,
    sync::{oneshot, watch},
    time::{interval, timeout},
};

use crate::{http::Readiness, runtime::State, service_manager, snapshot::Generation, updater::Event};

/// Time between two looks at the status line.
const EVERY: Duration = Duration::from_secs(2);
/// The longest time that a reload is shown as running: a source may be slow.
const RELOAD: Duration = Duration::from_secs(60);

/// Keeps the status line current.
pub(super) async fn status(state: &State, mut readiness: watch::Receiver<Readiness>) -> Infallible {
    let mut shown = String::new();
    loop {
        let line = line(&readiness.borrow_and_update(), state.published().generation());
        if line != shown {
            service_manager::status(&line);
            shown = line;
        }
        // The sender lives as long as the daemon.
        let _ = timeout(EVERY, readiness.changed()).await;
    }
}

fn line(readiness: &Readiness, generation: &Generation) -> String {
    let (count, number) = (generation.ranges.len(), generation.number);
    let ranges = format!("{count} {} in generation {number}", if count == 1 { "range" } else { "ranges" });
    match readiness {
        Readiness::Ready => format!("Recognising {ranges}"),
        Readiness::NotReady(why) => format!("Not ready: {why}; {ranges}"),
    }
}

/// Resets the watchdog through the updater, so that neither thread can hang without a restart.
pub(super) async fn watchdog(events: &Sender<Event>) -> Infallible {
    let Some(every) = service_manager::watchdog_interval() else { return pending().await };
    let mut ticks = interval(every);
    loop {
        ticks.tick().await;
        // The caller notices an updater that has ended.
        let _ = events.send(Event::Watchdog);
    }
}

/// Sends a reload event to the updater for each SIGHUP. The service manager sees a reload until every source
/// was read, or for a minute.
pub(super) async fn reload(mut hangups: Signal, events: &Sender<Event>) -> Infallible {
    let mut running = None;
    loop {
        let ended = async {
            match &mut running {
                // The updater drops the sender, and sends nothing.
                Some(is_done) => drop(timeout(RELOAD, is_done).await),
                None => pending().await,
            }
        };
        tokio::select! {
            () = ended => {
                running = None;
                service_manager::ready();
            }
            // tokio's streams of signals do not end.
            _ = hangups.recv() => {
                let (done, is_done) = oneshot::channel();
                service_manager::reloading();
                // The caller notices an updater that has ended.
                let _ = events.send(Event::Reload(done));
                running = Some(is_done);
            }
        }
    }
}
