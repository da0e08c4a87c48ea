//! Writes a file whole or not at all: writes it under another name, flushes it to the disk, and then renames
//! it.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};

use nix::sys::stat::Mode;

use super::{
    beneath::{Beneath, NotAFile},
    checksummed::{Kind, MAX_HEAD, add_checksum},
    error::StateError,
};

const FILE_MODE: u32 = 0o640;
const PUBLIC_MODE: u32 = 0o644;

/// The suffix of a file that is being written.
pub const UNFINISHED: &str = ".unfinished";

/// Writes `bytes` as the file `name`. A reader sees the old file or the new one at any time, even after a
/// crash. The file gets mode 0640 and, if this process has the right, the owner of its directory: root may
/// write a file that a daemon without root rights must read.
///
/// # Errors
/// [`StateError::Write`]; the previous file is unchanged then, unless only the flush of the directory failed.
pub fn write_atomic(directory: &Beneath, name: &str, bytes: &[u8]) -> Result<(), StateError> {
    write_with(directory, name, FILE_MODE, |file| file.write_all(bytes))
        .map_err(|cause| StateError::Write { path: directory.file(name), cause })
}

/// Like [`write_atomic`], with mode 0644, because other programs read the file, and only if the content
/// differs. Returns true if it was written.
///
/// # Errors
/// [`StateError::Write`], also if the entry is not a regular file, such as a device.
pub fn replace_public(directory: &Beneath, name: &str, bytes: &[u8]) -> Result<bool, StateError> {
    let failed = |cause| StateError::Write { path: directory.file(name), cause };
    match directory.read(name) {
        Ok(Ok(file)) if holds(&file, bytes).unwrap_or(false) => return Ok(false),
        Ok(Err(NotAFile)) => return Err(failed(io::Error::other("it is not a regular file"))),
        // A file that cannot be read can be replaced all the same.
        Ok(Ok(_)) | Err(_) => {}
    }
    write_with(directory, name, PUBLIC_MODE, |file| file.write_all(bytes)).map_err(failed)?;
    Ok(true)
}

/// Returns true if the file has this content and is readable for all.
fn holds(mut file: &File, bytes: &[u8]) -> io::Result<bool> {
    let found = file.metadata()?;
    if found.len() != bytes.len() as u64 || found.mode() & 0o777 != PUBLIC_MODE {
        return Ok(false);
    }
    let mut content = Vec::with_capacity(bytes.len());
    file.read_to_end(&mut content)?;
    Ok(content == bytes)
}

/// Like [`write_atomic`], with the header that [`super::read_checked`] requires, unless the file would be
/// larger than its reader accepts.
///
/// # Errors
/// [`StateError::Write`] or [`StateError::TooLarge`].
pub fn write_checksummed(directory: &Beneath, name: &str, kind: Kind, body: &[u8]) -> Result<(), StateError> {
    let (bytes, limit) = ((body.len() + MAX_HEAD) as u64, kind.limit);
    if bytes > limit {
        return Err(StateError::TooLarge { path: directory.file(name), bytes, limit });
    }
    write_atomic(directory, name, &add_checksum(kind, body))
}

pub(super) fn write_with(
    directory: &Beneath,
    name: &str,
    mode: u32,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    // The daemon and a command may write at the same time.
    let unfinished = format!(".{name}.{}{UNFINISHED}", std::process::id());
    let create = || directory.create(&unfinished, Mode::from_bits_truncate(mode));
    let mut file = match create() {
        // A leftover of an earlier process with this number.
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {
            directory.unlink(&unfinished)?;
            create()?
        }
        file => file?,
    };
    let written = (|| {
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        give_to_owner(&file, directory)?;
        write(&mut file)?;
        file.sync_all()?;
        directory.rename(&unfinished, name)
    })();
    if let Err(cause) = written {
        // The first error is the one to report. The next start removes a leftover.
        let _ = directory.unlink(&unfinished);
        return Err(cause);
    }
    // The rename is safe on the disk only after the directory is flushed.
    directory.handle.sync_all()
}

fn give_to_owner(file: &File, directory: &Beneath) -> io::Result<()> {
    let (ours, wanted) = (file.metadata()?, directory.handle.metadata()?);
    if (ours.uid(), ours.gid()) == (wanted.uid(), wanted.gid()) {
        return Ok(());
    }
    match fchown(file, Some(wanted.uid()), Some(wanted.gid())) {
        // Without root rights the file keeps our owner.
        Err(cause) if cause.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        other => other,
    }
}

/// Removes the half-written files of a killed process, except those of the file `but`. One that cannot be
/// removed does no harm.
pub(super) fn clear_leftovers(directory: &Beneath, but: &str) -> io::Result<()> {
    let spared = format!(".{but}.");
    let is_left =
        |name: &String| name.starts_with('.') && name.ends_with(UNFINISHED) && !name.starts_with(&spared);
    for name in directory.names()?.iter().filter(|name| is_left(name)) {
        let _ = directory.unlink(name);
    }
    Ok(())
}
