//! The state directory: the files from which the daemon continues after a restart. A file is written whole or
//! not at all, and is accepted only if its digest matches ([`checksummed`]). This module makes no decisions: the
//! owner of each file interprets its content.
//!
//! | file | content | writer |
//! |---|---|---|
//! | `counters.json` | the counts so far ([`stored`]) | the daemon |
//! | `gate.json` | each source's gate ([`gates`]) | the daemon |
//! | `gate-copy.json` | a copy of what the gates accepted | the daemon |
//! | `approval.json` | the changes that the operator approves ([`approval`]) | `d365-user approve` |
//! | `approval-answer.json` | the outcome of the approvals | the daemon |
//! | `document-….kept` | each downloaded source's last good document ([`documents`](crate::source::documents)) | the daemon |
//! | `NAME.corrupt` | a damaged file, kept for inspection | the daemon |
//!
//! A daemon locks the directory itself, not a file in it. The mode of the directory is 0700: a user who can
//! open it can lock it, and a user who can write to it can approve changes.

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

use crate::{
    counters::stored,
    gate::{approval, gates},
};

mod access;
mod beneath;
mod checksummed;
mod health;
mod lock;
mod read;
mod storage;
mod write;

pub use access::{Writer, other_writers, other_writers_of_file};
pub use beneath::Beneath;
pub use checksummed::{Damage, Kind, seal, unseal};
pub use health::{Ailing, Problem, ailing};
pub use lock::{holder, is_held};
pub use read::{Found, peek, peek_in, read_checked};
pub(crate) use storage::{Pending, Storage};
pub use write::{write_atomic, write_sealed};

/// The default state directory.
pub const DEFAULT_DIRECTORY: &str = "/var/lib/d365";
/// The file that earlier releases locked.
const FORMER_LOCK: &str = "lock";
const DIRECTORY_MODE: u32 = 0o700;
/// Longest time to wait for the lock: a command that only checks it ([`is_held`]) holds it for a moment.
const PATIENCE: Duration = Duration::from_millis(100);
const FILE_MODE: u32 = 0o640;

/// A locked state directory. The lock is released when this value is dropped, or by the kernel when the
/// process ends.
#[derive(Debug)]
pub struct StateDir {
    beneath: Beneath,
    remarks: Vec<Remark>,
}

/// A remark for the operator about a state directory that was opened. Each is one line.
#[derive(Debug, thiserror::Error)]
pub enum Remark {
    /// Group or others had rights on the directory.
    #[error(
        "{path} had mode {mode:03o} and has {DIRECTORY_MODE:03o} now{}",
        could_write(writers), path = path.display()
    )]
    Tightened {
        /// The directory.
        path: PathBuf,
        /// Its mode before.
        mode: u32,
        /// Other users and groups who could write to it.
        writers: Vec<Writer>,
    },
    /// The directory holds files of other programs, and other users can open it.
    #[error(
        "{path} has mode {mode:03o} and holds more than the daemon's own files: its mode is left as it is, and any user \
         who can open it can keep the daemon from starting; name a directory of the daemon's own with --state-dir",
        path = path.display()
    )]
    Shared {
        /// The directory.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The daemon may not change the directory's mode, and other users can write to it.
    #[error(
        "{path} may be written to by {}: they can approve changes and replace the state files; give it to the \
         daemon's user alone (chown, and chmod 0700)",
        listed(writers), path = path.display()
    )]
    Writable {
        /// The directory.
        path: PathBuf,
        /// Other users and groups who can write to it.
        writers: Vec<Writer>,
    },
    /// A half-written file cannot be removed.
    #[error("cannot remove the leftover {path}: {cause}; it is ignored, remove it by hand", path = path.display())]
    Leftover {
        /// The leftover.
        path: PathBuf,
        /// The system's error.
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

/// An error in the state directory. No file is lost by it.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The directory cannot be created or used.
    #[error(
        "cannot use the state directory {path}: {cause}; create it for the daemon's user, or name another with --state-dir",
        path = path.display()
    )]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The system's error.
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
        /// The other daemon's process; `None` if the kernel does not show it.
        holder: Option<u32>,
    },
    /// A file cannot be written or removed. The previous file is unchanged, with the exception that
    /// [`write_atomic`] names.
    #[error("cannot write {path}: {cause}; what was there before is kept; check space and permissions", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
    /// A file would be larger than its reader accepts. The previous file is unchanged.
    #[error(
        "{path} would have {bytes} bytes, and at most {limit} are read: it is not written, and what was there before is \
         kept; name fewer sources, or lower --max-ranges",
        path = path.display()
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The size that it would have.
        bytes: u64,
        /// The size that the reader accepts.
        limit: u64,
    },
    /// A file is damaged.
    #[error("{path} is damaged: {damage}; {}", placed(.set_aside), path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The fault.
        damage: Damage,
        /// The path to which it was moved; `None` if it is still at `path`.
        set_aside: Option<PathBuf>,
    },
    /// A call on the directory has not returned.
    #[error(
        "the state directory {path} does not answer; look at its disk or server (dmesg, a frozen file system)",
        path = path.display()
    )]
    Hung {
        /// The directory.
        path: PathBuf,
    },
    /// A bug in this program.
    #[error("working in {path} failed unexpectedly; please report it with the line before in the log", path = path.display())]
    Unexpected {
        /// The directory.
        path: PathBuf,
    },
    /// A file exists and cannot be read.
    #[error("cannot read {path}: {cause}; check its permissions", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
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
    /// Creates the directory if it is missing and locks it. Takes the rights of other users away if the
    /// directory is the daemon's own, and removes the files that a killed daemon left half written.
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
        // The operator may have named another program's directory by mistake: then the daemon changes nothing
        // in it, apart from the leftovers below.
        let is_ours = beneath.names().map_err(failed)?.iter().all(|name| is_own_name(name));
        let remark = keep_others_out(&beneath, is_ours).map_err(failed)?;
        let mut remarks: Vec<_> = remark.into_iter().collect();
        if is_ours && has_former_lock(&beneath) {
            // If it cannot be removed, it does no harm.
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

    /// Device and inode. No two directories that exist on a machine at the same time share both.
    ///
    /// # Errors
    /// [`StateError::Directory`].
    pub fn identity(&self) -> Result<(u64, u64), StateError> {
        let failed = |cause| StateError::Directory { path: self.path().to_owned(), cause };
        let found = self.metadata().map_err(failed)?;
        Ok((found.dev(), found.ino()))
    }

    /// Removes the file `name`. A missing file is not an error.
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

/// Returns true for the names that a daemon of this or an earlier release gives to its files.
fn is_own_name(name: &str) -> bool {
    let files = [gates::FILE, gates::COPY, stored::FILE, approval::REQUEST, approval::ANSWER];
    // The prefix also matches names that end with `.corrupt` or `.unfinished`.
    let base = name.trim_start_matches('.');
    name == FORMER_LOCK
        || files.iter().any(|file| base.starts_with(file))
        || base.starts_with("document-") && base.contains(".kept")
}

/// Returns true if the lock file of an earlier release exists: a file that is empty or holds a process
/// number.
fn has_former_lock(directory: &Beneath) -> bool {
    let Ok(Ok(file)) = directory.read(FORMER_LOCK) else { return false };
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).is_ok() && text.trim().bytes().all(|byte| byte.is_ascii_digit())
}

/// Sets mode 0700 if the directory is the daemon's own and not sticky. Returns a remark if the mode was too
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

/// Takes the lock. Tries again for a moment, because a command that only checks the lock ([`is_held`]) may
/// hold it.
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
