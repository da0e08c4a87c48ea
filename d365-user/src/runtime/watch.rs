//! Watches the interfaces while the daemon runs. It leaves those that it cannot see any more, and reports
//! losses.
//!
//! It has a thread of its own, because a request to the kernel may wait for a driver. The thread looks when
//! the kernel reports a change of a watched interface, and every few seconds in any case. It detaches, and
//! never attaches: [`reattach`](super::reattach) does.

use std::{
    convert::Infallible,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use tokio::sync::watch;

use super::{
    interface::{Loss, Seen},
    state::State,
};
use crate::{
    http::Readiness,
    kernel::{LinkEvents, Report},
    logging::duration,
    resources::{self, ResourceError},
};

/// Time between two looks at the interfaces if nothing is reported. A program is attached again within 5 s.
const EVERY: Duration = Duration::from_secs(3);
/// The same while something is lost.
const SOON: Duration = Duration::from_secs(1);

/// Starts the thread. The returned channel holds the result of its last look, which is empty until something
/// is attached. `wake` runs after a look that differs from the one before, and when this host's addresses, or
/// an interface that is missing, may have changed.
pub(crate) fn start(
    state: Arc<State>,
    wake: impl Fn() + Send + 'static,
) -> Result<watch::Receiver<Vec<Seen>>, ResourceError> {
    let events = LinkEvents::listen(SOON).inspect_err(|error| {
        tracing::warn!(
            %error, interval = %duration(EVERY),
            "the kernel does not report changes of interfaces: they are looked at from time to time"
        );
    });
    let (tell, seen) = watch::channel(Vec::new());
    let run = move || run(&state, events.ok(), &tell, wake);
    resources::thread("interfaces", "watch the interfaces", run)?;
    Ok(seen)
}

fn run(state: &State, mut events: Option<LinkEvents>, tell: &watch::Sender<Vec<Seen>>, wake: impl Fn()) {
    let (mut look_at, mut is_complete) = (Instant::now(), true);
    while !tell.is_closed() {
        let report = wait(&mut events);
        if report.has_addresses || report.is_partial {
            wake();
        }
        state.leave_reported(&report);
        // An interface that was added may be one that is missing.
        let is_awaited = !is_complete && !report.changed.is_empty();
        if !is_awaited && !state.is_concerned_by(&report) && Instant::now() < look_at {
            continue;
        }
        let pass = state.pass();
        let now = state.look(&report, &tell.borrow());
        is_complete = now.iter().all(|seen| seen.loss.is_none());
        look_at = Instant::now() + if is_complete { EVERY } else { SOON };
        let is_new = tell.send_if_modified(|seen| std::mem::replace(seen, now) != *seen);
        drop(pass);
        if is_new || is_awaited {
            wake();
        }
    }
}

/// Waits for the next report. After a while without one it returns an empty report.
fn wait(events: &mut Option<LinkEvents>) -> Report {
    let Some(listening) = events else {
        thread::sleep(SOON);
        return Report::default();
    };
    listening.next().unwrap_or_else(|error| {
        tracing::warn!(
            %error, interval = %duration(EVERY),
            "the kernel does not report changes of interfaces any more: they are looked at from time to time"
        );
        *events = None;
        Report::default()
    })
}

/// Keeps the daemon's readiness, once the leases are set: not ready while a program is lost or the state
/// directory does not answer. `now` is the state at the start. Logs each change once.
pub(crate) async fn keep_readiness(
    mut now: Vec<Seen>,
    mut seen: watch::Receiver<Vec<Seen>>,
    mut is_hung: watch::Receiver<bool>,
    ready: &watch::Sender<Readiness>,
) -> Infallible {
    let mut known: Vec<Seen> = Vec::new();
    loop {
        log(&known, &now);
        ready.send_replace(readiness(&now, *is_hung.borrow_and_update()));
        known = now;
        let changed = tokio::select! {
            changed = seen.changed() => changed,
            // The caller notices an updater that has ended.
            Ok(()) = is_hung.changed() => Ok(()),
        };
        if changed.is_err() {
            tracing::error!("the interfaces are not watched any more; restart d365-user");
            ready.send_replace(Readiness::NotReady("the interfaces are not watched any more".into()));
            return std::future::pending().await;
        }
        let last = seen.borrow_and_update().clone();
        now = if last.is_empty() { known.clone() } else { last };
    }
}

/// The interfaces with a loss that `is_such` selects, each with the reason.
fn lost(seen: &[Seen], is_such: impl Fn(Loss) -> bool) -> Option<String> {
    let lost = seen.iter().filter_map(|seen| {
        let loss = seen.loss.filter(|loss| is_such(*loss))?;
        let reason = seen.problem.clone().unwrap_or_else(|| loss.to_string());
        Some(format!("{} ({reason})", seen.name))
    });
    let lost: Vec<String> = lost.collect();
    (!lost.is_empty()).then(|| lost.join(", "))
}

fn uncounted(loss: Loss) -> bool {
    loss != Loss::Unmarked
}

fn readiness(seen: &[Seen], is_hung: bool) -> Readiness {
    let unmarked = || lost(seen, |loss| !uncounted(loss)).map(|lost| format!("not marking: {lost}"));
    let hung = || is_hung.then(|| "the state directory does not answer".to_owned());
    let unattached = lost(seen, uncounted).map(|lost| format!("not attached: {lost}"));
    let why = unattached.or_else(unmarked).or_else(hung);
    why.map_or(Readiness::Ready, |why| Readiness::NotReady(why.into()))
}

/// Logs what has changed on each interface since the look `before`.
fn log(before: &[Seen], now: &[Seen]) {
    for now in now {
        let before = before.iter().find(|seen| seen.name == now.name);
        let (iface, loss) =
            (&now.name, now.loss.filter(|loss| before.and_then(|seen| seen.loss) != Some(*loss)));
        match loss {
            // The start has logged an interface that does not exist yet.
            None | Some(Loss::Absent) => {}
            Some(reason @ Loss::Unmarked) => tracing::error!(
                iface, %reason,
                "the tc program is not attached: packets are counted and not marked"
            ),
            Some(reason) => tracing::error!(
                iface, %reason,
                "not attached: packets are not counted"
            ),
        }
        let new_name = now.new_name.as_ref();
        if new_name.is_some() && before.and_then(|seen| seen.new_name.as_ref()) != new_name {
            tracing::warn!(
                iface,
                new_name,
                "the interface has a new name: it is watched as before and stays in metrics by the old one; a restart needs \
                 --iface with the new one"
            );
        }
        let is_known = |name: &String| before.is_some_and(|before| before.blinded.contains(name));
        let new: Vec<_> = now.blinded.iter().filter(|name| !is_known(name)).cloned().collect();
        if !new.is_empty() {
            tracing::warn!(
                iface,
                programs = new.join(", "),
                "in generic mode this kernel hides the Ethernet header from what has come to tc since the start: it reads \
                 packets at a wrong offset; --mode native and tc leave it as it is"
            );
        }
    }
}

#[cfg(test)]
mod tests;
