//! Reports the daemon's state to the service manager (`sd_notify(3)`, systemd.service(5)). Without a service
//! manager nothing happens. A report that fails is not logged: the service manager itself acts on a silent
//! daemon. The descriptor store is in [`crate::kernel`].

use std::{
    os::fd::{FromRawFd as _, OwnedFd},
    time::Duration,
};

use sd_notify::{NotifyState, notify};

/// Takes the descriptors that the service manager passes to this process, with their names: listening sockets
/// (systemd.socket(5)), and what an earlier daemon gave it to keep. Call it once: a second call would own the
/// same descriptors again.
pub(crate) fn passed() -> Vec<(String, OwnedFd)> {
    // An environment that is not as sd_listen_fds(3) describes it must not keep the daemon from starting.
    let listed = sd_notify::listen_fds_with_names().inspect_err(|error| {
        tracing::warn!(%error, "nothing is taken over from the service manager");
    });
    let listed = listed.into_iter().flatten();
    // SAFETY: the service manager opened these descriptors for this process, and nothing else has taken them.
    listed.map(|(fd, name)| (name, unsafe { OwnedFd::from_raw_fd(fd) })).collect()
}

/// The start is complete, or a reload is.
pub(crate) fn ready() {
    send(&[NotifyState::Ready]);
}

/// A reload has begun. [`ready`] ends it.
pub(crate) fn reloading() {
    let now = NotifyState::monotonic_usec_now().ok();
    send(&[Some(NotifyState::Reloading), now].into_iter().flatten().collect::<Vec<_>>());
}

/// The daemon is stopping.
pub(crate) fn stopping() {
    send(&[NotifyState::Stopping]);
}

/// Shows one line to the operator (`systemctl status`).
pub(crate) fn status(line: &str) {
    send(&[NotifyState::Status(line)]);
}

/// Resets the watchdog.
pub(crate) fn alive() {
    send(&[NotifyState::Watchdog]);
}

/// The time between two resets of the watchdog, a third of its limit (`WatchdogSec=`); `None` without a
/// watchdog for this process, or with a limit below 3 µs.
pub(crate) fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 3).filter(|interval| !interval.is_zero())
}

fn send(state: &[NotifyState<'_>]) {
    // The crate sends nothing without NOTIFY_SOCKET.
    let _ = notify(state);
}
