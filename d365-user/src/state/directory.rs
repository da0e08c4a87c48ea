//! Opens a state directory and locks it, so that one daemon uses it.
//!
//! The daemon locks the directory itself, not a file in it. The mode of the directory is 0700: a user who can
//! open it can lock it, and a user who can write to it can approve changes.

use std::{
    fs::{DirBuilder, File, Permissions, TryLockError},
    io,
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

use super::{
    access::other_writers,
    beneath::Beneath,
    error::StateError,
    lock::holder,
    remark::{DIRECTORY_MODE, Remark},
    write::clear_leftovers,
};

/// Longest time to wait for the lock: a command that only checks it ([`is_held`](super::is_held)) holds it
/// for a moment.
const PATIENCE: Duration = Duration::from_millis(100);

/// The files that the user of a state directory keeps in it.
#[derive(Clone, Copy, Debug)]
pub struct OwnFiles {
    /// Returns true for the names that a daemon of this or an earlier release gives to its files.
    pub is_own: fn(&str) -> bool,
    /// The file that another process may be writing: what is left of it half written stays.
    pub submitted: &'static str,
}

/// A locked state directory. The lock is released when this value is dropped, or by the kernel when the
/// process ends.
#[derive(Debug)]
pub struct StateDir {
    beneath: Beneath,
    remark: Option<Remark>,
}

impl StateDir {
    /// Creates the directory if it is missing and locks it. Takes the rights of other users away if the
    /// directory is the daemon's own, and removes the files that a killed daemon left half written.
    ///
    /// # Errors
    /// [`StateError::Directory`], or [`StateError::InUse`] while another daemon holds the lock.
    pub fn open(path: impl Into<PathBuf>, own: OwnFiles) -> Result<Self, StateError> {
        let path = path.into();
        let failed = |cause| StateError::Directory { path: path.clone(), cause };
        DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(&path).map_err(failed)?;
        let beneath = Beneath::open(&path).map_err(failed)?;
        match try_lock(&beneath.handle) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StateError::InUse { holder: holder(&path), path }),
            Err(TryLockError::Error(cause)) => return Err(failed(cause)),
        }
        // The operator may have named another program's directory by mistake: then the daemon changes nothing
        // in it, apart from the leftovers below.
        let is_ours = beneath.names().map_err(failed)?.iter().all(|name| (own.is_own)(name));
        let remark = keep_others_out(&beneath, is_ours).map_err(failed)?;
        clear_leftovers(&beneath, own.submitted).map_err(failed)?;
        Ok(Self { beneath, remark })
    }

    /// The remark for the operator, if there is one.
    #[must_use]
    pub fn remarks(&self) -> &[Remark] {
        self.remark.as_slice()
    }

    /// Removes the file `name`. A missing file is not an error.
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

/// Sets mode 0700 if the directory is the daemon's own and not sticky. Returns a remark if the mode was too
/// wide, or still is.
fn keep_others_out(directory: &Beneath, is_ours: bool) -> io::Result<Option<Remark>> {
    let (found, user, path) = (directory.handle.metadata()?, geteuid().as_raw(), directory.path().to_owned());
    let (mode, writers) = (found.permissions().mode() & 0o7777, other_writers(&found, user));
    let (is_open, is_sticky) = (mode & 0o077 != 0, mode & 0o1000 != 0);
    if is_ours && is_open && !is_sticky && found.uid() == user {
        directory.handle.set_permissions(Permissions::from_mode(DIRECTORY_MODE))?;
        return Ok(Some(Remark::Tightened { path, mode, writers }));
    }
    Ok(match writers.is_empty() {
        false => Some(Remark::Writable { path, writers }),
        true => is_open.then_some(Remark::Shared { path, mode }),
    })
}

/// Takes the lock. Tries again for a moment, because a command that only checks the lock
/// ([`is_held`](super::is_held)) may hold it.
fn try_lock(lock: &File) -> Result<(), TryLockError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(PATIENCE / 20),
            result => return result,
        }
    }
}
