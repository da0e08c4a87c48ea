//! Looks at a file that find out if it has changed, without reading it.

use std::{
    fs::{self, Metadata},
    os::unix::fs::{FileTypeExt as _, MetadataExt as _},
    path::Path,
};

/// The attributes that distinguish two states of a file without reading it: device, inode, size, and the
/// times of modification and change in seconds and nanoseconds. The change time (ctime) moves with every
/// write. It also moves when a file becomes readable, or when its old modification time is restored. They are
/// those of the file that the path leads to: a symbolic link that is swapped leads to another inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attributes(u64, u64, u64, [i64; 4]);

impl Attributes {
    /// The attributes of the file at a path. `None` if there is no file, or if they cannot be read.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|found| Self::of(&found))
    }

    /// The attributes of a file that was examined.
    pub(crate) fn of(file: &Metadata) -> Self {
        // The times of a pipe move when it is read.
        if file.file_type().is_fifo() {
            return Self(file.dev(), file.ino(), 0, [0; 4]);
        }
        let times = [file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()];
        Self(file.dev(), file.ino(), file.size(), times)
    }
}

/// The looks at one file so far.
#[derive(Debug)]
pub(crate) struct Look {
    /// The state at the last report, or at the start.
    reported: Option<Attributes>,
    /// The state that the last look found.
    seen: Option<Attributes>,
}

impl Look {
    /// Begins with the state of a file at the first look.
    pub(crate) fn new(found: Option<Attributes>) -> Self {
        Self { reported: found, seen: found }
    }

    /// Returns true if the last look found the same.
    pub(crate) fn is_settled(&self, found: Option<Attributes>) -> bool {
        self.seen == found
    }

    /// Takes the result of another look. Returns true if the file has changed and stayed the same since.
    pub(crate) fn again(&mut self, found: Option<Attributes>) -> bool {
        let is_settled = self.is_settled(found);
        self.seen = found;
        let has_changed = is_settled && self.reported != found;
        if has_changed {
            self.reported = found;
        }
        has_changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_not_reported_while_each_look_finds_another_state() {
        let state = |size| Some(Attributes(1, 1, size, [0; 4]));
        let mut look = Look::new(state(1));
        assert!(!look.again(state(1)));
        for size in 2..9 {
            assert!(!look.again(state(size)), "{size}");
        }
        assert!(look.again(state(8)));
        assert!(!look.again(state(8)));
        // It is removed and comes back as it was between two looks, or for longer.
        assert!(!look.again(None) && !look.again(state(8)) && !look.again(state(8)));
        assert!(!look.again(None) && look.again(None) && !look.again(None));
        assert!(!look.again(state(8)) && look.again(state(8)));
    }
}
