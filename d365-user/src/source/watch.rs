//! Reports when a file of ranges has changed. The watch does not read the content of a file and decides
//! nothing about it. The receiver of the report reads the file, and rejects content that cannot be parsed.
//!
//! The watch looks at the attributes of each file every [`INTERVAL`], and follows symbolic links. It reports
//! a file that differs from the last report, or that was removed or exists again, when two looks in a row
//! find the same: no program has written meanwhile. A writer that pauses for longer than that is not noticed,
//! so a rename into place is the safe way to replace a file.

use std::{
    path::PathBuf,
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    time::Duration,
};

mod look;

pub(crate) use self::look::{Attributes, Look};
use crate::resources::{self, ResourceError};

/// Interval between two looks at the files.
pub const INTERVAL: Duration = Duration::from_secs(2);
/// Time that the first look may take before the caller continues without it.
const FIRST_LOOK: Duration = Duration::from_secs(5);

/// A watch of files. Its thread ends when this is dropped. The drop does not wait for the thread, because it
/// may be waiting for a file system. A call of `changed` that is already on its way still comes.
#[derive(Debug)]
pub struct Watch {
    _running: Sender<()>,
}

impl Watch {
    /// Watches `files` at this interval, and calls `changed` with the index of a file each time that the file
    /// has changed.
    ///
    /// Call this before the first reading of the files, because a change is a difference from their state at
    /// this call. Neither a file nor its directory needs to exist. The first look may hang, as `stat` does on
    /// a file system without its server. This function then returns after a few seconds, and each file counts
    /// as changed when that look is done. `changed` runs on a thread of its own and should return at once.
    pub fn start(
        interval: Duration,
        files: Vec<PathBuf>,
        mut changed: impl FnMut(usize) + Send + 'static,
    ) -> Result<Self, ResourceError> {
        let (running, end) = channel();
        let (begun, has_begun) = channel();
        let watch = move || {
            let mut looks: Vec<Look> = files.iter().map(|file| Look::new(Attributes::at(file))).collect();
            if begun.send(()).is_err() {
                // The caller did not wait for the first look. It may have read a file before this look, so
                // each file counts as changed.
                (0..files.len()).for_each(&mut changed);
            }
            while end.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                for (index, (file, look)) in files.iter().zip(&mut looks).enumerate() {
                    if look.again(Attributes::at(file)) {
                        changed(index);
                    }
                }
            }
        };
        resources::thread_apart("watch", "watch the files of ranges", watch)?;
        // If the first look takes longer, the thread reports each file as changed afterwards.
        let _ = has_begun.recv_timeout(FIRST_LOOK);
        Ok(Self { _running: running })
    }
}

#[cfg(test)]
mod tests;
