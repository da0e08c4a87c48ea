//! Whether a daemon uses a state directory, asked from beside it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

use super::{LOCK, StateError};

/// Whether a daemon holds the lock of `directory`. The lock is tried for a moment and shared with others who ask; a daemon
/// that starts in this very moment would find the directory in use.
///
/// # Errors
/// [`StateError::Read`] when the lock cannot be looked at.
pub fn is_held(directory: &Path) -> Result<bool, StateError> {
    let path = directory.join(LOCK);
    let lock = match File::open(&path) {
        Ok(lock) => lock,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(cause) => return Err(StateError::Read { path, cause }),
    };
    match lock.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(cause)) => Err(StateError::Read { path, cause }),
    }
}

/// The process that a daemon wrote into the lock of `directory`; only while it [is held](is_held) is it that daemon's.
#[must_use]
pub fn holder(directory: &Path) -> Option<u32> {
    fs::read_to_string(directory.join(LOCK)).ok()?.trim().parse().ok()
}
