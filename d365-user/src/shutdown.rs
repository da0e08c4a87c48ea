//! Signals: when to stop (SIGINT, SIGTERM, SIGXCPU), when to read everything again (SIGHUP), which one must
//! end nothing (SIGXFSZ); and the last resort when stopping takes too long.

use std::{
    io, process,
    sync::mpsc::{Sender, channel},
    thread,
    time::Duration,
};

use nix::{
    libc,
    sys::signal::{SigSet, Signal as Number},
};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    exit::Exit,
    resources::{self, ResourceError},
};

/// The daemon is gone this long after it was asked to stop, whatever hangs.
pub const DEADLINE: Duration = Duration::from_secs(5);

/// The kernel's word that the soft limit of processor time is reached (`ulimit -t`); at the hard one it
/// kills.
pub const PROCESSOR_TIME: &str = "SIGXCPU";

/// Listens from now on for SIGINT, SIGTERM and SIGXCPU; the future ends with the name of the first.
///
/// # Errors
/// When the operating system refuses to have them caught.
pub fn requested() -> io::Result<impl Future<Output = &'static str>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut processor = signal(SignalKind::from_raw(libc::SIGXCPU))?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
            _ = processor.recv() => PROCESSOR_TIME,
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

/// From now on a write beyond the limit of file sizes (`ulimit -f`) fails with EFBIG, like one on a full
/// disk, and SIGXFSZ does not end the process. The signal is blocked, not ignored, since that needs no unsafe
/// code. Threads inherit it: call this before the first one is made. (SIGPIPE is ignored by Rust's own
/// start.)
pub fn block_file_size_signal() {
    // It can only fail on an invalid operation, which `thread_block` never asks for.
    let _ = SigSet::from(Number::SIGXFSZ).thread_block();
}

/// The last resort of a stop: a thread, made at the start, since a stop may find none to be had.
#[derive(Debug)]
pub struct Deadline(Sender<Duration>);

impl Deadline {
    /// Makes it. Nothing happens before [`Self::start`].
    ///
    /// # Errors
    /// [`ResourceError::Thread`].
    pub fn new() -> Result<Self, ResourceError> {
        let (limit, started) = channel();
        let watch = move || {
            let Ok(limit) = started.recv() else { return };
            thread::sleep(limit);
            tracing::error!("still not stopped after {limit:?}: leaving as it is");
            process::exit(i32::from(Exit::Internal.code()));
        };
        resources::thread("deadline", "end a stop that hangs", watch).map(|_| Self(limit))
    }

    /// Ends the process after `limit`, unless it has ended by itself before, with [`Exit::Internal`]. What
    /// the kernel holds for the process by descriptors, BPF links above all, goes with it.
    pub fn start(&self, limit: Duration) {
        // The thread is there, and only the first limit counts.
        let _ = self.0.send(limit);
    }
}

#[cfg(test)]
mod tests;
