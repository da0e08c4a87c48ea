//! Writes a file whole or not at all: beside its place, to the disk, and then into its place.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use super::{FILE_MODE, Kind, StateError, sealed};

/// How the name of a file ends that is being written.
const UNFINISHED: &str = ".unfinished";

/// Writes `bytes` to `path`: whoever reads it, and whatever happens meanwhile, sees the old file or the new one. The file
/// gets mode 0640 and, where we may give it away, the owner of its directory: what root writes for a daemon that is not
/// root must be readable to it.
///
/// # Errors
/// [`StateError::Write`]; the file that was there is untouched then.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), StateError> {
    write_with(path, |file| file.write_all(bytes))
        .map_err(|cause| StateError::Write { path: path.to_owned(), cause })
}

/// The same, with the first line that [`super::read_checked`] wants.
///
/// # Errors
/// [`StateError::Write`].
pub fn write_sealed(path: &Path, kind: Kind, body: &[u8]) -> Result<(), StateError> {
    write_atomic(path, &sealed::seal(kind, body))
}

pub(super) fn write_with(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let (directory, unfinished) = places(path)?;
    let written = (|| {
        let mut file = create(&unfinished)?;
        file.set_permissions(fs::Permissions::from_mode(FILE_MODE))?;
        give_to_owner(&file, &directory)?;
        write(&mut file)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)
    })();
    if let Err(cause) = written {
        // The first error is the one to tell; a leftover is cleared at the next start.
        let _ = fs::remove_file(&unfinished);
        return Err(cause);
    }
    // The rename is on disk when the directory is.
    File::open(directory)?.sync_all()
}

/// The directory of `path`, and where the file is while it is being written. The process is in the name: the daemon and a
/// command may write at the same time.
fn places(path: &Path) -> io::Result<(PathBuf, PathBuf)> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not the path of a file"))?;
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let unfinished = directory.join(format!(".{name}.{}{UNFINISHED}", std::process::id()));
    Ok((directory, unfinished))
}

/// Never opens what is there: it may be a link to somewhere else.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(FILE_MODE);
    match options.open(path) {
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(path)?;
            options.open(path)
        }
        other => other,
    }
}

fn give_to_owner(file: &File, directory: &Path) -> io::Result<()> {
    let (ours, wanted) = (file.metadata()?, fs::metadata(directory)?);
    if (ours.uid(), ours.gid()) == (wanted.uid(), wanted.gid()) {
        return Ok(());
    }
    match fchown(file, Some(wanted.uid()), Some(wanted.gid())) {
        // Not root: then it stays ours.
        Err(cause) if cause.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        other => other,
    }
}

/// Removes what a process left that was killed while it wrote; not what belongs to the file called `but`.
pub(super) fn clear_leftovers(directory: &Path, but: &str) -> io::Result<()> {
    let spared = format!(".{but}.");
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') && name.ends_with(UNFINISHED) && !name.starts_with(&spared) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
