//! Keeps descriptors beyond the daemon's own end: with the service manager, or as pins in a bpffs. The next
//! daemon receives them, and so a restart has no gap.
//!
//! The service manager keeps them over a restart, an upgrade and a crash, and closes them when the unit stops
//! (`FileDescriptorStoreMax=`, systemd.service(5)): the kernel then detaches the programs. Pins stay until
//! `d365-user detach` removes them. This module does not know what the descriptors are.

mod error;
mod pins;
mod place;

use std::{
    os::fd::{BorrowedFd, OwnedFd},
    path::Path,
    sync::Arc,
};

use sd_notify::NotifyState;

pub use self::error::StoreError;
use self::pins::Pins;

/// A place that keeps descriptors. Clones are the same place.
#[derive(Clone, Default)]
pub struct Store(Option<Arc<Place>>);

enum Place {
    ServiceManager,
    Pins(Pins),
}

impl Store {
    /// The service manager's store, if a service manager started the process. Otherwise nothing is kept.
    #[must_use]
    pub fn of_service_manager() -> Self {
        let is_there = std::env::var_os("NOTIFY_SOCKET").is_some();
        Self(is_there.then(|| Arc::new(Place::ServiceManager)))
    }

    /// Pins in `directory`, which only one daemon may use at a time. Creates the directory if its parent is
    /// on a bpffs.
    pub fn of_pins(directory: &Path) -> Result<Self, StoreError> {
        Ok(Self(Some(Arc::new(Place::Pins(Pins::open(directory)?)))))
    }

    /// The descriptors of the earlier daemon: its pins, or those of `passed`, which the service manager gave
    /// to this process. The store still keeps them.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is taken then.
    pub fn take(&self, passed: Vec<(String, OwnedFd)>) -> Result<Vec<(String, OwnedFd)>, StoreError> {
        match self.0.as_deref() {
            None => Ok(Vec::new()),
            Some(Place::Pins(pins)) => pins.open_all(),
            Some(Place::ServiceManager) => Ok(passed),
        }
    }

    /// Keeps a descriptor under a name, which it does not have yet.
    pub(super) fn keep(&self, name: &str, fd: BorrowedFd<'_>) -> Result<(), StoreError> {
        match self.0.as_deref() {
            None => Ok(()),
            Some(Place::Pins(pins)) => pins.keep(name, fd),
            Some(Place::ServiceManager) => {
                // A service manager would otherwise drop a descriptor that reports an error by itself.
                let state =
                    [NotifyState::FdStore, NotifyState::FdName(name), NotifyState::Custom("FDPOLL=0")];
                let sent = sd_notify::notify_with_fds(&state, &[fd]);
                sent.map_err(|source| StoreError::Notify { name: name.to_owned(), source })
            }
        }
    }

    /// Stops keeping a name. A failure is logged: the next daemon closes what it does not need.
    pub(super) fn remove(&self, name: &str) {
        let removed = match self.0.as_deref() {
            None => return,
            Some(Place::Pins(pins)) => pins.remove(name),
            Some(Place::ServiceManager) => {
                sd_notify::notify(&[NotifyState::FdStoreRemove, NotifyState::FdName(name)])
                    .map_err(|source| StoreError::Notify { name: name.to_owned(), source })
            }
        };
        if let Err(error) = removed {
            tracing::warn!(%error, "a descriptor that is not needed stays in the store");
        }
    }
}

/// Removes every pin of a daemon that is not running: the kernel detaches its programs. Returns the names.
/// Does nothing if the directory does not exist.
///
/// # Errors
/// [`StoreError`]; [`StoreError::InUse`] while a daemon uses the directory.
pub fn detach(directory: &Path) -> Result<Vec<String>, StoreError> {
    if !directory.exists() {
        return Ok(Vec::new());
    }
    let pins = Pins::open(directory)?;
    let names = pins.names()?;
    names.iter().try_for_each(|name| pins.remove(name))?;
    Ok(names)
}
