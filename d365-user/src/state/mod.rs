//! The state directory: what the daemon must still know after a restart. Files are written whole or not at all, and are
//! accepted only with their digest ([`sealed`]). Nothing here decides anything: what the files say is their owners' business.
//!
//! | file | what | who writes |
//! |---|---|---|
//! | `counters.json` | what has been counted ([`counters`]) | the daemon |
//! | `gate.json` | each source's gate ([`gates`]) | the daemon |
//! | `gate-copy.json` | what the gates accepted, once more | the daemon |
//! | `approval.json` | what the operator approves ([`approval`]) | `d365-user approve` |
//! | `approval-answer.json` | what became of it | the daemon |
//! | `document-….kept` | each downloaded source's last good document ([`documents`]) | the daemon |
//! | `NAME.corrupt` | a damaged file, kept for a look | the daemon |
//!
//! The lock of a daemon that uses the directory is on the directory itself. Its mode is 0700: who can open it can lock it,
//! and who can write there can approve.

use std::{
    fs::{DirBuilder, File, Permissions, TryLockError},
    io::{self, Read as _},
    ops::Deref,
    os::{
        fd::{AsFd, BorrowedFd},
        unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _},
    },
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use nix::unistd::geteuid;

mod access;
pub mod approval;
mod beneath;
mod condition;
pub mod counters;
pub mod documents;
pub mod gates;
mod holder;
mod read;
mod sealed;
mod write;

pub use access::{Writer, other_writers, other_writers_of_file};
pub use beneath::Beneath;
pub use condition::{Ailing, Problem, ailing};
pub use holder::{holder, is_held};
pub use read::{Found, peek, peek_in, read_checked};
pub use sealed::{Damage, Kind, seal, unseal};
pub use write::{write_atomic, write_sealed};

/// Where the directory is unless the operator says otherwise.
pub const DEFAULT_DIRECTORY: &str = "/var/lib/d365";
/// The file that earlier releases locked.
const FORMER_LOCK: &str = "lock";
/// Mode of the directory.
const DIRECTORY_MODE: u32 = 0o700;
/// How long a lock may be held by somebody who only looks.
const PATIENCE: Duration = Duration::from_millis(100);
/// Mode of each file.
const FILE_MODE: u32 = 0o640;

/// A state directory that is ours alone until this value goes, and its lock with it, however the process ends.
#[derive(Debug)]
pub struct StateDir {
    beneath: Beneath,
    remarks: Vec<Remark>,
}

/// Remarks for the operator about a state directory that was opened. One line each.
#[derive(Debug, thiserror::Error)]
pub enum Remark {
    /// Its mode was wider.
    #[error(
        "{path} had mode {mode:03o} and has {DIRECTORY_MODE:03o} now{}",
        could_write(writers), path = path.display()
    )]
    Tightened {
        /// The directory.
        path: PathBuf,
        /// Its mode before.
        mode: u32,
        /// Those who could write there.
        writers: Vec<Writer>,
    },
    /// It has files of others, and others may open it.
    #[error(
        "{path} has mode {mode:03o} and holds more than the daemon's own files: its mode is left as it is, and whoever may \
         open it can keep the daemon from starting; name a directory of the daemon's own with --state-dir",
        path = path.display()
    )]
    Shared {
        /// The directory.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It is not ours to tighten, and others may write there.
    #[error(
        "{path} may be written to by {}: whoever may, may approve changes and replace what is kept; give it to the daemon's \
         user alone (chown, and chmod 0700)",
        listed(writers), path = path.display()
    )]
    Writable {
        /// The directory.
        path: PathBuf,
        /// Those who may.
        writers: Vec<Writer>,
    },
    /// A half-written file cannot be removed.
    #[error("cannot remove the leftover {path}: {cause}; it is ignored, remove it by hand", path = path.display())]
    Leftover {
        /// The leftover.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
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
        cause: io::Error,
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
        /// The other's process, where the kernel shows it.
        holder: Option<u32>,
    },
    /// A file cannot be written. The one that was there is untouched.
    #[error("cannot write {path}: {cause}; what was there before is kept; check space and permissions", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
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
    /// A file is damaged.
    #[error("{path} is damaged: {damage}; {}", placed(.set_aside), path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why not.
        damage: Damage,
        /// Where it is now; `None` when it is still in its place.
        set_aside: Option<PathBuf>,
    },
    /// A call in the directory has not come back.
    #[error(
        "the state directory {path} does not answer; look at its disk or server (dmesg, a frozen file system)",
        path = path.display()
    )]
    Hung {
        /// The directory.
        path: PathBuf,
    },
    /// A fault of this program.
    #[error("working in {path} failed unexpectedly; please report it with the line before in the log", path = path.display())]
    Unexpected {
        /// The directory.
        path: PathBuf,
    },
    /// A file is there and cannot be read.
    #[error("cannot read {path}: {cause}; check its permissions", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
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
    /// Makes the directory if it is missing, takes its lock, has others keep out, and clears away what a killed daemon left
    /// half written.
    ///
    /// # Errors
    /// [`StateError::Directory`], or [`StateError::InUse`] while another daemon holds the lock.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, StateError> {
        let path = path.into();
        let failed = |cause| StateError::Directory { path: path.clone(), cause };
        DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(&path).map_err(failed)?;
        let beneath = Beneath::open(&path).map_err(failed)?;
        match try_lock(beneath.directory()) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StateError::InUse { holder: holder(&path), path }),
            Err(TryLockError::Error(cause)) => return Err(failed(cause)),
        }
        // A directory of others may have been named by mistake: nothing of it is changed.
        let is_ours = beneath.names().map_err(failed)?.iter().all(|name| is_own_name(name));
        let remark = keep_others_out(&beneath, is_ours).map_err(failed)?;
        let mut remarks: Vec<_> = remark.into_iter().collect();
        if is_ours && has_former_lock(&beneath) {
            // Where it cannot be removed it is in nobody's way.
            let _ = beneath.unlink(FORMER_LOCK);
        }
        remarks.extend(write::clear_leftovers(&beneath, approval::REQUEST).map_err(failed)?);
        Ok(Self { beneath, remarks })
    }

    /// The remarks for the operator.
    #[must_use]
    pub fn remarks(&self) -> &[Remark] {
        &self.remarks
    }

    /// Device and inode: no two directories that this machine has at one time share both.
    ///
    /// # Errors
    /// [`StateError::Directory`].
    pub fn identity(&self) -> Result<(u64, u64), StateError> {
        let failed = |cause| StateError::Directory { path: self.path().to_owned(), cause };
        let found = self.metadata().map_err(failed)?;
        Ok((found.dev(), found.ino()))
    }

    /// Removes the file `name`; that it is not there is no error.
    ///
    /// # Errors
    /// [`StateError::Write`].
    pub fn remove(&self, name: &str) -> Result<(), StateError> {
        match self.unlink(name) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                Err(StateError::Write { path: self.file(name), cause })
            }
            _ => Ok(()),
        }
    }
}

impl AsFd for StateDir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.beneath.as_fd()
    }
}

impl Deref for StateDir {
    type Target = Beneath;

    fn deref(&self) -> &Beneath {
        &self.beneath
    }
}

/// True for names that a daemon, this release's or an earlier one's, gives to its files.
fn is_own_name(name: &str) -> bool {
    let files = [gates::FILE, gates::COPY, counters::FILE, approval::REQUEST, approval::ANSWER];
    // With `.corrupt` or `.unfinished` behind it.
    let base = name.trim_start_matches('.');
    name == FORMER_LOCK
        || files.iter().any(|file| base.starts_with(file))
        || base.starts_with("document-") && base.contains(".kept")
}

/// True if the file of an earlier release's lock is there: a process number, or nothing, is in it.
fn has_former_lock(directory: &Beneath) -> bool {
    let Ok(Ok(file)) = directory.read(FORMER_LOCK) else { return false };
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).is_ok() && text.trim().bytes().all(|byte| byte.is_ascii_digit())
}

/// Takes every right from group and others where the directory is ours, and not made for everybody. Returns what was too
/// wide, or still is.
fn keep_others_out(directory: &Beneath, is_ours: bool) -> io::Result<Option<Remark>> {
    let (found, user, path) = (directory.metadata()?, geteuid().as_raw(), directory.path().to_owned());
    let (mode, writers) = (found.permissions().mode() & 0o7777, other_writers(&found, user));
    let (is_open, is_sticky) = (mode & 0o077 != 0, mode & 0o1000 != 0);
    if is_ours && is_open && !is_sticky && found.uid() == user {
        directory.set_permissions(Permissions::from_mode(DIRECTORY_MODE))?;
        return Ok(Some(Remark::Tightened { path, mode, writers }));
    }
    Ok(match writers.is_empty() {
        false => Some(Remark::Writable { path, writers }),
        true => is_open.then_some(Remark::Shared { path, mode }),
    })
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
