//! The state directory: what the daemon must still know after a restart. Files are written whole or not at all, and are
//! believed only with their digest ([`sealed`]). Nothing here decides anything: what the files say is their owners' business.
//!
//! | file | what | who writes |
//! |---|---|---|
//! | `lock` | held while a daemon uses the directory | the daemon |
//! | `counters.json` | what has been counted ([`counters`]) | the daemon |
//! | `gate.json` | each source's gate ([`gates`]) | the daemon |
//! | `gate-copy.json` | what the gates accepted, once more | the daemon |
//! | `approval.json` | what the operator approves ([`approval`]) | `d365-user approve` |
//! | `approval-answer.json` | what became of it | the daemon |
//! | `document-….kept` | each downloaded source's last good document ([`documents`]) | the daemon |
//! | `NAME.corrupt` | a file that was not believed, kept for a look | the daemon |

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

mod access;
pub mod approval;
mod condition;
pub mod counters;
pub mod documents;
pub mod gates;
mod holder;
mod read;
mod sealed;
mod write;

pub use access::{Writer, other_writers};
pub use condition::{Ailing, Problem, ailing};
pub use holder::{holder, is_held};
pub use read::{Found, peek, read_checked};
pub use sealed::{Damage, Kind, seal, unseal};
pub use write::{write_atomic, write_sealed};

/// Where the directory is unless the operator says otherwise.
pub const DEFAULT_DIRECTORY: &str = "/var/lib/d365";
/// The file of the lock.
const LOCK: &str = "lock";
/// Mode of the directory: its files say what is trusted, and whoever can write there can approve.
const DIRECTORY_MODE: u32 = 0o750;
/// How long a lock may be held by somebody who only looks.
const PATIENCE: Duration = Duration::from_millis(100);
/// Mode of each file.
const FILE_MODE: u32 = 0o640;

/// A state directory that is ours alone until this value goes.
#[derive(Debug)]
pub struct StateDir {
    path: PathBuf,
    /// Its lock goes with it, however the process ends.
    _lock: File,
}

/// What went wrong in the state directory. What was there before is still there.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The directory cannot be made or used.
    #[error(
        "cannot use the state directory {path}: {cause}; create it for the daemon's user, or name another with --state-dir",
        path = path.display()
    )]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// Another daemon uses the directory.
    #[error(
        "the state directory {path} is in use by another d365-user{}; stop that one, or name another with --state-dir",
        process(holder),
        path = path.display()
    )]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The other's process, as it wrote it down.
        holder: Option<u32>,
    },
    /// A file cannot be written. The one that was there is untouched.
    #[error("cannot write {path}: {cause}; what was there before is kept; check space and permissions", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A file would be larger than what is read back. The one that was there is untouched.
    #[error(
        "{path} would have {bytes} bytes, and at most {limit} are read: it is not written, and what was there before is \
         kept; name fewer sources, or lower --max-ranges",
        path = path.display()
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// How many it would have.
        bytes: u64,
        /// How many are read.
        limit: u64,
    },
    /// A file is not believed.
    #[error("{path} is damaged: {damage}; {}", placed(.set_aside), path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why not.
        damage: Damage,
        /// Where it is now; `None` when it is still in its place.
        set_aside: Option<PathBuf>,
    },
    /// A file is there and cannot be read.
    #[error("cannot read {path}: {cause}; check its permissions", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
}

fn placed(set_aside: &Option<PathBuf>) -> String {
    set_aside.as_ref().map_or_else(
        || "it cannot be moved out of the way, remove it".to_owned(),
        |path| format!("it is now {}", path.display()),
    )
}

fn process(holder: &Option<u32>) -> String {
    holder.map(|process| format!(" (process {process})")).unwrap_or_default()
}

impl StateDir {
    /// Makes the directory if it is missing, takes its lock, and clears away what a killed daemon left half written.
    ///
    /// # Errors
    /// [`StateError::Directory`], or [`StateError::InUse`] while another daemon holds the lock.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, StateError> {
        let path = path.into();
        let failed = |cause| StateError::Directory { path: path.clone(), cause };
        DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(&path).map_err(failed)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(FILE_MODE);
        let mut lock = options.open(path.join(LOCK)).map_err(failed)?;
        match try_lock(&lock) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Only for the message.
                let _ = lock.take(16).read_to_string(&mut holder);
                return Err(StateError::InUse { holder: holder.trim().parse().ok(), path });
            }
            Err(TryLockError::Error(cause)) => return Err(failed(cause)),
        }
        lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id())).map_err(failed)?;
        write::clear_leftovers(&path, approval::REQUEST).map_err(failed)?;
        Ok(Self { path, _lock: lock })
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of the file `name` in it.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Removes the file `name`; that it is not there is no error.
    ///
    /// # Errors
    /// [`StateError::Write`].
    pub fn remove(&self, name: &str) -> Result<(), StateError> {
        let path = self.file(name);
        match fs::remove_file(&path) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
                Err(StateError::Write { path, cause })
            }
            _ => Ok(()),
        }
    }
}

/// Takes the lock; not at the first try where a command only looks whether it is held ([`is_held`]).
fn try_lock(lock: &File) -> Result<(), TryLockError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(PATIENCE / 20),
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests;
