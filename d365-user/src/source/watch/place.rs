//! Where a path leads, and which file is there. It looks at names and attributes, never at content.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// What tells one state of a file from another without reading it. The time of change moves with every write, and also when
/// the file is made readable, or is given an old time of modification back.
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

/// A path, and where it leads.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    /// The path with no symbolic link before its last name; `None` while its directory is missing.
    named: Option<PathBuf>,
    /// The file itself, with no symbolic link at all; `None` while it is missing.
    target: Option<PathBuf>,
}

impl Identity {
    /// Whether there is nothing in it.
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

    /// Follows the path anew; whether it leads to another path than before. A file that comes or goes is none.
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

    /// Whether this is its path or the file that it leads to.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        [&self.named, &self.target].into_iter().flatten().any(|own| own == path)
    }

    /// Its directory, and that of the file it leads to.
    pub(super) fn directories(&self) -> impl Iterator<Item = &Path> {
        [&self.named, &self.target].into_iter().flatten().filter_map(|path| path.parent())
    }

    /// What is there; `None` when nothing is, or nothing that one can look at.
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
