//! The file that a path leads to. This module reads names and attributes, never the content.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// The attributes that distinguish two states of a file without reading it. The change time (ctime) moves
/// with every write. It also moves when a file becomes readable, or when its old modification time is
/// restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    /// Seconds and nanoseconds.
    changed: (i64, i64),
}

/// A path, and the file that it leads to.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    /// The path without a symbolic link before its last name; `None` while its directory is missing.
    named: Option<PathBuf>,
    /// The path of the file itself, without any symbolic link; `None` while the file is missing.
    target: Option<PathBuf>,
}

impl Identity {
    /// True if the file is empty.
    pub(super) const fn is_empty(&self) -> bool {
        self.size == 0
    }
}

impl Place {
    pub(super) fn new(path: PathBuf) -> Self {
        let mut place = Self { path, named: None, target: None };
        place.follow();
        place
    }

    /// Resolves the path again. Returns true if it now leads elsewhere; creating or deleting the file does
    /// not count.
    pub(super) fn follow(&mut self) -> bool {
        let directory = self.path.parent().map(|parent| match parent {
            here if here.as_os_str().is_empty() => Path::new("."),
            parent => parent,
        });
        let directory = directory.and_then(|directory| fs::canonicalize(directory).ok());
        let named = directory.zip(self.path.file_name()).map(|(directory, name)| directory.join(name));
        let target = fs::canonicalize(&self.path).ok();
        let elsewhere = |old: &Option<PathBuf>, new: &Option<PathBuf>| {
            old.as_ref().zip(new.as_ref()).is_some_and(|(old, new)| old != new)
        };
        let elsewhere = elsewhere(&self.named, &named) || elsewhere(&self.target, &target);
        (self.named, self.target) = (named, target);
        elsewhere
    }

    /// True if `path` is this path, or the path of the file that it leads to.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        [&self.named, &self.target].into_iter().flatten().any(|own| own == path)
    }

    /// The directory of the path, and the directory of the file that it leads to.
    pub(super) fn directories(&self) -> impl Iterator<Item = &Path> {
        [&self.named, &self.target].into_iter().flatten().filter_map(|path| path.parent())
    }

    /// The identity of the file; `None` if there is no file, or if its attributes cannot be read.
    pub(super) fn identity(&self) -> Option<Identity> {
        let file = fs::metadata(&self.path).ok()?;
        Some(Identity {
            device: file.dev(),
            inode: file.ino(),
            size: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        })
    }
}
