//! Signals: the requests to stop (SIGINT, SIGTERM, SIGXCPU), the request to read everything again (SIGHUP),
//! and SIGXFSZ, which must end nothing. In addition, the last resort for a stop that takes too long.

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

/// The longest time from a request to stop to the end of the daemon, even if something hangs.
pub const DEADLINE: Duration = Duration::from_secs(5);

/// The signal by which the kernel reports that the soft limit of processor time is reached (`ulimit -t`). At
/// the hard limit the kernel kills the process.
pub const PROCESSOR_TIME: &str = "SIGXCPU";

/// Listens from now on for SIGINT, SIGTERM and SIGXCPU. The future ends with the name of the first one.
///
/// # Errors
/// The operating system refuses to have them caught.
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

/// Listens from now on for SIGHUP. A terminal that is closed sends it too: the daemon survives that.
///
/// # Errors
/// The operating system refuses to have it caught.
pub fn hangups() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}

/// From now on a write beyond the limit of file sizes (`ulimit -f`) fails with EFBIG, like one on a full
/// disk, and SIGXFSZ does not end the process. The signal is blocked, not ignored, because that needs no
/// unsafe code. Threads inherit the signal mask: call this before the first one is made. (Rust's own start
/// code ignores SIGPIPE.)
pub fn block_file_size_signal() {
    // The call can fail only on an invalid operation, which `thread_block` never requests.
    let _ = SigSet::from(Number::SIGXFSZ).thread_block();
}

/// The signals that the daemon handles once it listens.
fn handled() -> SigSet {
    SigSet::from_iter([Number::SIGHUP, Number::SIGINT, Number::SIGTERM])
}

/// Holds the daemon's signals back until [`release`], so that none of them kills it before it listens.
pub fn hold_back() {
    // The call can fail only on an invalid operation, which these functions never request.
    let _ = handled().thread_block();
}

/// Delivers the signals that were held back, and later ones.
pub fn release() {
    let _ = handled().thread_unblock();
}

/// The last resort of a stop: a thread that is made at the start, because a stop may not get a new thread.
#[derive(Debug)]
pub struct Deadline(Sender<Duration>);

impl Deadline {
    /// Makes the thread. It does nothing before [`Self::start`].
    pub fn new() -> Result<Self, ResourceError> {
        let (limit, started) = channel();
        let watch = move || {
            let Ok(limit) = started.recv() else { return };
            thread::sleep(limit);
            tracing::error!(after = ?limit, "still not stopped: leaving as it is");
            process::exit(i32::from(Exit::Internal.code()));
        };
        resources::thread("deadline", "end a stop that hangs", watch).map(|_| Self(limit))
    }

    /// Ends the process with [`Exit::Internal`] after `limit`, unless it has ended by itself before. The
    /// kernel then releases everything that it holds for the process by descriptors, BPF links above all.
    pub fn start(&self, limit: Duration) {
        // The thread exists, and only the first limit counts.
        let _ = self.0.send(limit);
    }
}

#[cfg(test)]
mod tests;
