//! Descriptors as pins in one directory of a bpffs. Only one daemon uses the directory at a time.
//!
//! The daemon uses the directory only if nobody else may write to it. This module does not know what is
//! pinned.

use std::{
    fs::{self, File},
    io,
    os::{
        fd::{BorrowedFd, OwnedFd},
        unix::fs::DirBuilderExt as _,
    },
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};

use super::{error::StoreError, place};
use crate::kernel::{bpf, requirements::is_bpffs};

/// A directory of pins, which is locked.
pub(super) struct Pins {
    directory: PathBuf,
    _lock: Flock<File>,
}

impl Pins {
    /// Opens and locks the directory. Creates it if its parent is on a bpffs.
    pub(super) fn open(directory: &Path) -> Result<Self, StoreError> {
        make(directory)?;
        place::check(directory)?;
        let failed = |source| StoreError::Path { what: "open", path: directory.to_owned(), source };
        let opened = File::open(directory).map_err(failed)?;
        match Flock::lock(opened, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Ok(Self { directory: directory.to_owned(), _lock: lock }),
            Err((_, Errno::EWOULDBLOCK)) => Err(StoreError::InUse { path: directory.to_owned() }),
            Err((_, error)) => Err(failed(error.into())),
        }
    }

    /// The names of all pins.
    pub(super) fn names(&self) -> Result<Vec<String>, StoreError> {
        let failed = |source| StoreError::Path { what: "list", path: self.directory.clone(), source };
        let entries = fs::read_dir(&self.directory).map_err(failed)?;
        let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
        let mut names = entries.map(name).collect::<io::Result<Vec<_>>>().map_err(failed)?;
        names.sort();
        Ok(names)
    }

    pub(super) fn open_all(&self) -> Result<Vec<(String, OwnedFd)>, StoreError> {
        let open = |name: String| {
            let path = self.directory.join(&name);
            let fd =
                bpf::open_pin(&path).map_err(|source| StoreError::Path { what: "open", path, source })?;
            Ok((name, fd))
        };
        self.names()?.into_iter().map(open).collect()
    }

    pub(super) fn keep(&self, name: &str, fd: BorrowedFd<'_>) -> Result<(), StoreError> {
        let path = self.directory.join(name);
        bpf::pin(fd, &path).map_err(|source| StoreError::Path { what: "pin", path, source })
    }

    pub(super) fn remove(&self, name: &str) -> Result<(), StoreError> {
        let path = self.directory.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(|source| StoreError::Path { what: "remove", path, source }),
        }
    }
}

/// Creates the directory for this user alone, unless it exists.
fn make(directory: &Path) -> Result<(), StoreError> {
    let parent = directory.parent().filter(|_| !directory.exists()).unwrap_or(directory);
    if !is_bpffs(parent) {
        return Err(StoreError::NoBpffs { path: parent.to_owned() });
    }
    match fs::DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map_err(|source| StoreError::Path { what: "make", path: directory.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_bpffs_nothing_is_made_and_the_message_says_how_to_mount_one() {
        let directory = std::env::temp_dir().join(format!("d365-no-bpffs-{}", std::process::id()));
        let message = make(&directory).unwrap_err().to_string();
        let parent = std::env::temp_dir();
        assert!(
            message.starts_with(&format!("no bpffs at {}; `mount -t bpf bpf", parent.display())),
            "{message}"
        );
        assert!(!directory.exists());
    }
}
