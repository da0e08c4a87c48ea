//! When to stop: SIGINT or SIGTERM; when to read everything again: SIGHUP; and the last resort when stopping takes too long.

use std::{io, process, thread, time::Duration};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Exit;

/// The daemon is gone this long after it was asked to stop, whatever hangs.
pub const DEADLINE: Duration = Duration::from_secs(5);

/// Listens from now on for SIGINT and SIGTERM; the future ends with the name of the first.
///
/// # Errors
/// When the operating system refuses to have them caught.
pub fn requested() -> io::Result<impl Future<Output = &'static str>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
        }
    })
}

/// Listens from now on for SIGHUP. A terminal that is closed sends it too: the daemon outlives that.
///
/// # Errors
/// When the operating system refuses to have it caught.
pub fn hangups() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}

/// Ends the process after `limit`, unless it has ended by itself before, with [`Exit::Internal`]. What
/// the kernel holds for the process by descriptors, BPF links above all, goes with it.
///
/// # Errors
/// When no thread can be made.
pub fn force_after(limit: Duration) -> io::Result<()> {
    let watch = move || {
        thread::sleep(limit);
        tracing::error!("still not stopped after {limit:?}: leaving as it is");
        process::exit(i32::from(Exit::Internal.code()));
    };
    thread::Builder::new().name("deadline".to_owned()).spawn(watch).map(drop)
}

#[cfg(test)]
mod tests;
