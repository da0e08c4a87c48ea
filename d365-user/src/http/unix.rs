//! A Unix socket in the file system. Its group may connect, other users may not.

use std::{
    fs, io,
    os::{
        fd::AsRawFd as _,
        unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    },
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    sys::{
        socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket},
        stat::{Mode, fchmod},
    },
};
use tokio::net::{UnixListener, UnixSocket};

/// Owner and group may connect.
const MODE: u32 = 0o660;

/// The file of a socket. Dropping this removes it, unless another file has taken its place.
pub(super) struct SocketFile {
    path: PathBuf,
    id: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if id(&self.path).is_ok_and(|found| found == self.id) {
            // A file that stays is replaced by the next daemon.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Device and inode of what is at the path itself.
fn id(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}

/// Listens at a path, with this many connections at most that wait. The socket of a process that is gone is
/// replaced.
///
/// # Errors
/// Another process listens there, something other than a socket is in the way, or the directory is missing or
/// not writable.
pub(super) fn listen(path: &Path, backlog: u32) -> io::Result<(UnixListener, SocketFile)> {
    let bound = match bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            remove_stale(path)?;
            bind(path)?
        }
        bound => bound?,
    };
    let file = SocketFile { path: path.to_owned(), id: id(path)? };
    // The umask may have taken the group's permission.
    fs::set_permissions(path, fs::Permissions::from_mode(MODE))?;
    Ok((bound.listen(backlog)?, file))
}

fn bind(path: &Path) -> io::Result<UnixSocket> {
    let socket = UnixSocket::new_stream()?;
    // The file gets the mode of the socket (unix_bind of the kernel), so that at no time others may connect.
    fchmod(&socket, Mode::from_bits_truncate(MODE))?;
    socket.bind(path)?;
    Ok(socket)
}

/// Removes a socket that nobody listens on.
fn remove_stale(path: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        return Err(io::Error::other("something that is no socket has this path, and stays there"));
    }
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let probe = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    match connect(probe.as_raw_fd(), &UnixAddr::new(path)?) {
        Err(Errno::ECONNREFUSED) => fs::remove_file(path),
        // The queue of a process that listens can be full.
        Ok(()) | Err(Errno::EAGAIN) => Err(io::Error::other("another process listens there")),
        Err(error) => Err(error.into()),
    }
}
