//! Reads the files that a web configuration consists of, and remembers the state in which each was read.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use crate::source::watch::Attributes;

/// The largest file that is read; a certificate chain has some kilobytes.
const LARGEST: u64 = 1 << 20;
/// The permission of users who are neither the owner nor in the group to read a file.
const READ_BY_OTHERS: u32 = 0o004;

/// The files that were read.
#[derive(Default)]
pub(super) struct Input {
    files: Vec<(PathBuf, Attributes)>,
    /// Files with a secret that every user can read.
    public: Vec<PathBuf>,
}

impl Input {
    /// Reads a file as text.
    pub(super) fn read(&mut self, path: &Path) -> io::Result<String> {
        // The open of a pipe would wait for its writer.
        if !fs::metadata(path)?.is_file() {
            return Err(io::Error::other("it is no regular file"));
        }
        let file = File::open(path)?;
        let found = file.metadata()?;
        self.files.push((path.to_owned(), Attributes::of(&found)));
        if found.len() > LARGEST {
            return Err(io::Error::other(format!("it is larger than {LARGEST} bytes")));
        }
        let mut text = String::new();
        file.take(LARGEST).read_to_string(&mut text)?;
        Ok(text)
    }

    /// Records that a file has a secret in it.
    pub(super) fn has_secret(&mut self, path: &Path) {
        let is_public = |found: fs::Metadata| found.permissions().mode() & READ_BY_OTHERS != 0;
        if fs::metadata(path).is_ok_and(is_public) && !self.public.iter().any(|public| public == path) {
            self.public.push(path.to_owned());
        }
    }

    /// The files that were read, and those of them with a secret that every user can read.
    pub(super) fn into_parts(self) -> (Vec<(PathBuf, Attributes)>, Vec<PathBuf>) {
        (self.files, self.public)
    }
}
