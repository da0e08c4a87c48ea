//! Reads files, and accepts only those whose digest matches.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::{
    beneath::Beneath,
    checksummed::{self, Damage, Kind},
    error::StateError,
};

/// The suffix of files that were set aside. An earlier release added a number.
const CORRUPT: &str = ".corrupt";

/// The state of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<T> {
    /// There is no such file.
    Nothing,
    /// The content of a whole file.
    Whole(T),
    /// A damaged file.
    Damaged {
        /// The fault.
        damage: Damage,
        /// The path to which it was moved; `None` if it is still in its place.
        set_aside: Option<PathBuf>,
    },
}

impl<T> Found<T> {
    /// The content, or `None` if there is no file. A damaged file is an error that names the file's present
    /// path.
    ///
    /// # Errors
    /// [`StateError::Damaged`].
    pub fn into_result(self, path: &Path) -> Result<Option<T>, StateError> {
        match self {
            Self::Nothing => Ok(None),
            Self::Whole(whole) => Ok(Some(whole)),
            Self::Damaged { damage, set_aside } => {
                Err(StateError::Damaged { path: path.to_owned(), damage, set_aside })
            }
        }
    }

    /// Parses the content. If that fails, the file counts as damaged. A damaged file is set aside, unless it
    /// already was.
    pub fn and_then<U>(
        self,
        directory: &Beneath,
        name: &str,
        read: impl FnOnce(T) -> Result<U, Damage>,
    ) -> Found<U> {
        match self.and_look(read) {
            Found::Damaged { damage, set_aside: None } => {
                Found::Damaged { damage, set_aside: set_aside(directory, name) }
            }
            found => found,
        }
    }

    /// Like [`and_then`](Self::and_then), but changes nothing: for a command that runs next to the daemon.
    pub fn and_look<U>(self, read: impl FnOnce(T) -> Result<U, Damage>) -> Found<U> {
        match self {
            Self::Nothing => Found::Nothing,
            Self::Whole(whole) => match read(whole) {
                Ok(read) => Found::Whole(read),
                Err(damage) => Found::Damaged { damage, set_aside: None },
            },
            Self::Damaged { damage, set_aside } => Found::Damaged { damage, set_aside },
        }
    }
}

/// Reads the file `name` of this kind, of at most `limit` bytes. A damaged file is renamed to `NAME.corrupt`
/// and replaces an earlier one of that name, so that the next write does not destroy a file that somebody may
/// want to inspect.
///
/// # Errors
/// [`StateError::Read`] when the file exists and cannot be read.
pub fn read_checked(
    directory: &Beneath,
    name: &str,
    kind: Kind,
    limit: u64,
) -> Result<Found<Vec<u8>>, StateError> {
    // `and_then` sets aside a file that `read_only` found damaged.
    Ok(read_only(directory, name, kind, limit)?.and_then(directory, name, Ok))
}

/// Like [`read_checked`], but changes nothing: for a command that runs next to the daemon.
///
/// # Errors
/// [`StateError::Read`] when the file exists and cannot be read.
pub fn read_only(
    directory: &Beneath,
    name: &str,
    kind: Kind,
    limit: u64,
) -> Result<Found<Vec<u8>>, StateError> {
    let body = match bytes(directory, name, limit) {
        Ok(Ok(bytes)) => checksummed::verify_checksum(kind, &bytes).map(<[u8]>::to_vec),
        Ok(Err(damage)) => Err(damage),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(cause) => return Err(StateError::Read { path: directory.file(name), cause }),
    };
    Ok(match body {
        Ok(body) => Found::Whole(body),
        Err(damage) => Found::Damaged { damage, set_aside: None },
    })
}

/// Like [`read_only`], by the directory's path. If the directory does not exist, neither does the file.
///
/// # Errors
/// [`StateError::Read`] when the directory or the file exists and cannot be read.
pub fn read_only_in(
    directory: &Path,
    name: &str,
    kind: Kind,
    limit: u64,
) -> Result<Found<Vec<u8>>, StateError> {
    match Beneath::open(directory) {
        Ok(directory) => read_only(&directory, name, kind, limit),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(Found::Nothing),
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
