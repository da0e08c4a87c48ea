//! Checks from another process if a daemon uses a state directory. The lock is on the directory, so no file
//! of it is opened.

use std::{fs::TryLockError, io, os::unix::fs::MetadataExt as _, path::Path};

use nix::sys::stat::{major, minor};
use procfs::LockKind;

use super::{beneath::Beneath, error::StateError};

/// Returns true if a daemon holds the lock of `directory`. For the check, this function takes a shared lock
/// for a moment: several commands can check at the same time, and a daemon that starts at that moment tries
/// again.
///
/// # Errors
/// [`StateError::Read`] when the directory cannot be opened or locked.
pub fn is_held(directory: &Path) -> Result<bool, StateError> {
    let failed = |cause| StateError::Read { path: directory.to_owned(), cause };
    let opened = match Beneath::open(directory) {
        Ok(opened) => opened,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(cause) => return Err(failed(cause)),
    };
    match opened.handle.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(cause)) => Err(failed(cause)),
    }
}

/// The process that holds the lock of `directory`, according to `/proc/locks`. `None` if that file does not
/// show it: the process is in another PID namespace, or the file system reports another device number for its
/// files than the kernel uses (btrfs).
#[must_use]
pub fn holder(directory: &Path) -> Option<u32> {
    let found = Beneath::open(directory).and_then(|opened| opened.handle.metadata()).ok()?;
    let device = (u32::try_from(major(found.dev())).ok()?, u32::try_from(minor(found.dev())).ok()?);
    let is_it = |lock: &procfs::Lock| {
        matches!(lock.kind, LockKind::Write)
            && (lock.devmaj, lock.devmin, lock.inode) == (device.0, device.1, found.ino())
    };
    let lock = procfs::locks().ok()?.into_iter().find(is_it)?;
    u32::try_from(lock.pid?).ok().filter(|pid| *pid > 0)
}
