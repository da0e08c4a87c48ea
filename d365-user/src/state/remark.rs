//! Remarks for the operator about a state directory.

use std::path::PathBuf;

use super::access::Writer;

/// The mode of a state directory of the daemon's own.
pub(super) const DIRECTORY_MODE: u32 = 0o700;

/// A remark for the operator about a state directory that was opened. Each is one line.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum Remark {
    #[error(
        "{path} had mode {mode:03o} and has {DIRECTORY_MODE:03o} now{}",
        could_write(writers), path = path.display()
    )]
    Tightened { path: PathBuf, mode: u32, writers: Vec<Writer> },
    #[error(
        "{path} has mode {mode:03o} and holds more than the daemon's own files: its mode is left as it is, and any user \
         who can open it can keep the daemon from starting; name a directory of the daemon's own with --state-dir",
        path = path.display()
    )]
    Shared { path: PathBuf, mode: u32 },
    /// The daemon may not change the directory's mode, and other users can write to it.
    #[error(
        "{path} may be written to by {}: they can approve changes and replace the state files; give it to the \
         daemon's user alone (chown, and chmod 0700)",
        listed(writers), path = path.display()
    )]
    Writable { path: PathBuf, writers: Vec<Writer> },
}

fn could_write(writers: &[Writer]) -> String {
    if writers.is_empty() {
        return String::new();
    }
    format!(
        ": {} could write there, and so approve changes and replace what is kept; look at what waits and at what is accepted",
        listed(writers)
    )
}

fn listed(writers: &[Writer]) -> String {
    writers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
