//! A directory of files, such as the state directory, by an open descriptor. Each file is opened by its name
//! below that descriptor. Only a regular file is accepted, a symbolic link is never followed, and no call
//! waits for the other end of a pipe. No other file of `state` opens a path.

use std::{
    ffi::OsStr,
    fs::File,
    io,
    os::{
        fd::{AsFd, BorrowedFd},
        unix::{ffi::OsStrExt as _, fs::OpenOptionsExt as _},
    },
    path::{Component, Path, PathBuf},
};

use nix::{
    dir::Dir,
    errno::Errno,
    fcntl::{AtFlags, OFlag, openat, renameat},
    sys::stat::{Mode, fstatat},
    unistd::{UnlinkatFlags, unlinkat},
};

/// An open directory.
#[derive(Debug)]
pub struct Beneath {
    /// The path that the operator named, for messages.
    path: PathBuf,
    pub(super) handle: File,
}

/// An entry that exists and is not a regular file.
#[derive(Debug)]
pub(super) struct NotAFile;

impl Beneath {
    /// Opens the directory at `path`. The path may contain symbolic links, as that of systemd's
    /// `StateDirectory=` does.
    ///
    /// # Errors
    /// The system's error if it is missing, is not a directory, or may not be read.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = (OFlag::O_DIRECTORY | OFlag::O_NONBLOCK).bits();
        let handle = File::options().read(true).custom_flags(flags).open(path)?;
        Ok(Self { path: path.to_owned(), handle })
    }

    /// The path that the operator named.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of the file `name` in the directory, for messages.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Opens the regular file `name` for reading.
    pub(super) fn read(&self, name: &str) -> io::Result<Result<File, NotAFile>> {
        let file = match open(self.handle.as_fd(), name, OFlag::O_RDONLY, Mode::empty()) {
            // `ELOOP`: a symbolic link. `ENXIO`: a socket.
            Err(Errno::ELOOP | Errno::ENXIO) => return Ok(Err(NotAFile)),
            file => file?,
        };
        Ok(if file.metadata()?.is_file() { Ok(file) } else { Err(NotAFile) })
    }

    /// Creates the file `name`. It must not exist.
    pub(super) fn create(&self, name: &str, mode: Mode) -> io::Result<File> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL;
        Ok(open(self.handle.as_fd(), name, flags, mode)?)
    }

    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(renameat(&self.handle, single(from)?, &self.handle, single(to)?)?)
    }

    pub(crate) fn unlink(&self, name: &str) -> io::Result<()> {
        Ok(unlinkat(&self.handle, single(name)?, UnlinkatFlags::NoRemoveDir)?)
    }

    /// Returns true if an entry of this name exists, even a symbolic link without a target.
    pub(crate) fn exists(&self, name: &str) -> bool {
        let found = single(name).and_then(|name| fstatat(&self.handle, name, AtFlags::AT_SYMLINK_NOFOLLOW));
        found.is_ok()
    }

    /// The names of all entries.
    pub(crate) fn names(&self) -> io::Result<Vec<String>> {
        // A second open file description: its read position is separate from that of `handle`.
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let mut listed = Dir::openat(&self.handle, ".", flags, Mode::empty())?;
        let name = |entry: nix::Result<nix::dir::Entry>| {
            Ok(OsStr::from_bytes(entry?.file_name().to_bytes()).to_string_lossy().into_owned())
        };
        let names: io::Result<Vec<String>> = listed.iter().map(name).collect();
        Ok(names?.into_iter().filter(|name| name != "." && name != "..").collect())
    }
}

impl AsFd for Beneath {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }
}

/// Accepts only a single path component, without a directory.
fn single(name: &str) -> nix::Result<&str> {
    let mut components = Path::new(name).components();
    let is_single = matches!((components.next(), components.next()), (Some(Component::Normal(_)), None));
    if is_single { Ok(name) } else { Err(Errno::EINVAL) }
}

/// A single name that is not followed cannot lead out of the directory.
fn open(directory: BorrowedFd<'_>, name: &str, flags: OFlag, mode: Mode) -> nix::Result<File> {
    let flags = flags | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    openat(directory, single(name)?, flags, mode).map(File::from)
}
