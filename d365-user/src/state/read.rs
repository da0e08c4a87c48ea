//! Reads files, and accepts only those whose digest matches.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::{
    beneath::Beneath,
    checksummed::{Damage, Kind, verify_checksum},
    error::StateError,
};

/// The suffix of files that were set aside. An earlier release added a number.
const CORRUPT: &str = ".corrupt";

/// Reads the file `name` of this kind and parses its body; `None` if there is no such file. A damaged file is
/// renamed to `NAME.corrupt` and replaces an earlier one of that name, so that the next write does not
/// destroy a file that somebody may want to inspect.
///
/// # Errors
/// [`StateError::Damaged`], or [`StateError::Read`] when the file exists and cannot be read.
pub fn read_checked<T>(
    directory: &Beneath,
    name: &str,
    kind: Kind,
    parse: impl FnOnce(&[u8]) -> Result<T, Damage>,
) -> Result<Option<T>, StateError> {
    read_only(directory, name, kind, parse).map_err(|error| match error {
        StateError::Damaged { path, damage, .. } => {
            StateError::Damaged { path, damage, set_aside: set_aside(directory, name) }
        }
        error => error,
    })
}

/// Like [`read_checked`], but changes nothing: for a command that runs next to the daemon.
///
/// # Errors
/// As [`read_checked`].
pub fn read_only<T>(
    directory: &Beneath,
    name: &str,
    kind: Kind,
    parse: impl FnOnce(&[u8]) -> Result<T, Damage>,
) -> Result<Option<T>, StateError> {
    let path = || directory.file(name);
    let file = match bytes(directory, name, kind.limit) {
        Ok(file) => file,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(StateError::Read { path: path(), cause }),
    };
    let parsed = file.and_then(|file| parse(verify_checksum(kind, &file)?));
    parsed.map(Some).map_err(|damage| StateError::Damaged { path: path(), damage, set_aside: None })
}

/// Like [`read_only`], by the directory's path. If the directory does not exist, neither does the file.
///
/// # Errors
/// As [`read_checked`]; [`StateError::Read`] also when the directory cannot be opened.
pub fn read_only_in<T>(
    directory: &Path,
    name: &str,
    kind: Kind,
    parse: impl FnOnce(&[u8]) -> Result<T, Damage>,
) -> Result<Option<T>, StateError> {
    match Beneath::open(directory) {
        Ok(directory) => read_only(&directory, name, kind, parse),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(StateError::Read { path: directory.to_owned(), cause }),
    }
}

/// The file's bytes; more than `limit` bytes count as damage.
fn bytes(directory: &Beneath, name: &str, limit: u64) -> io::Result<Result<Vec<u8>, Damage>> {
    let Ok(file) = directory.read(name)? else { return Ok(Err(Damage::NotAFile)) };
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    let fits = u64::try_from(bytes.len()).is_ok_and(|length| length <= limit);
    Ok(if fits { Ok(bytes) } else { Err(Damage::TooLarge { limit }) })
}

/// Returns true if this is the name of a file that was set aside.
#[must_use]
pub fn is_set_aside(file: &str) -> bool {
    file.split_once(CORRUPT).is_some_and(|(_, number)| number.is_empty() || number.starts_with('.'))
}

/// Moves the file and returns its new path; `None` if it could not be moved.
fn set_aside(directory: &Beneath, name: &str) -> Option<PathBuf> {
    let aside = format!("{name}{CORRUPT}");
    directory.rename(name, &aside).ok()?;
    Some(directory.file(&aside))
}
