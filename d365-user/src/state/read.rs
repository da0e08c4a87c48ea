//! Reads files back, and accepts none without its digest.

use std::io::{self, Read as _};
use std::iter;
use std::path::{Path, PathBuf};

use super::{Beneath, Damage, Kind, StateError, sealed};

/// What the names of files that were set aside go on with.
const CORRUPT: &str = ".corrupt";
/// How many names are tried for what is set aside.
const ASIDE: u32 = 9;

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<T> {
    /// Nothing.
    Nothing,
    /// What was written there.
    Whole(T),
    /// A damaged file.
    Damaged {
        /// Why not.
        damage: Damage,
        /// Where it was put; `None` when it was left where it is.
        set_aside: Option<PathBuf>,
    },
}

impl<T> Found<T> {
    /// What is whole, `None` for nothing; damage is an error that says where the file is now.
    ///
    /// # Errors
    /// [`StateError::Damaged`].
    pub fn whole(self, path: &Path) -> Result<Option<T>, StateError> {
        match self {
            Self::Nothing => Ok(None),
            Self::Whole(whole) => Ok(Some(whole)),
            Self::Damaged { damage, set_aside } => {
                Err(StateError::Damaged { path: path.to_owned(), damage, set_aside })
            }
        }
    }

    /// Reads on what is whole; what cannot be is damage as well, and is set aside like any other.
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

    /// The same, and leaves everything as it is: for a command beside the running daemon.
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

/// Reads the file `name` of this kind, of at most `limit` bytes. A damaged one is renamed to `NAME.corrupt`, over
/// one that may be there (`NAME.corrupt.2` and so on where that cannot be), so that the next write does not destroy what
/// somebody may want to look at.
///
/// # Errors
/// [`StateError::Read`] when something is there and cannot be read.
pub fn read_checked(
    directory: &Beneath,
    name: &str,
    kind: Kind,
    limit: u64,
) -> Result<Found<Vec<u8>>, StateError> {
    // `and_then` sets aside what is damaged already.
    Ok(peek(directory, name, kind, limit)?.and_then(directory, name, Ok))
}

/// The same, and leaves everything as it is: for a command beside the running daemon.
///
/// # Errors
/// [`StateError::Read`] when something is there and cannot be read.
pub fn peek(directory: &Beneath, name: &str, kind: Kind, limit: u64) -> Result<Found<Vec<u8>>, StateError> {
    let body = match bytes(directory, name, limit) {
        Ok(Ok(bytes)) => sealed::unseal(kind, &bytes).map(<[u8]>::to_vec),
        Ok(Err(damage)) => Err(damage),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(cause) => return Err(StateError::Read { path: directory.file(name), cause }),
    };
    Ok(match body {
        Ok(body) => Found::Whole(body),
        Err(damage) => Found::Damaged { damage, set_aside: None },
    })
}

/// The same by the directory's path. In a directory that is not there is nothing.
///
/// # Errors
/// [`StateError::Read`] when something is there and cannot be read.
pub fn peek_in(directory: &Path, name: &str, kind: Kind, limit: u64) -> Result<Found<Vec<u8>>, StateError> {
    match Beneath::open(directory) {
        Ok(directory) => peek(&directory, name, kind, limit),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(Found::Nothing),
        Err(cause) => Err(StateError::Read { path: directory.to_owned(), cause }),
    }
}

/// The file's bytes, at most `limit`.
fn bytes(directory: &Beneath, name: &str, limit: u64) -> io::Result<Result<Vec<u8>, Damage>> {
    let Ok(file) = directory.read(name)? else { return Ok(Err(Damage::NotAFile)) };
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    let fits = u64::try_from(bytes.len()).is_ok_and(|length| length <= limit);
    Ok(if fits { Ok(bytes) } else { Err(Damage::TooLarge { limit }) })
}

/// Whether this is the name of a file that was set aside.
pub(super) fn is_set_aside(file: &str) -> bool {
    file.split_once(CORRUPT).is_some_and(|(_, number)| number.is_empty() || number.starts_with('.'))
}

/// Where the file is now; `None` if it could not be moved. Another name is taken where what is there cannot be replaced, as
/// a directory cannot by a file.
fn set_aside(directory: &Beneath, name: &str) -> Option<PathBuf> {
    let endings =
        iter::once(CORRUPT.to_owned()).chain((2..=ASIDE).map(|number| format!("{CORRUPT}.{number}")));
    let mut names = endings.map(|ending| format!("{name}{ending}"));
    names.find(|aside| directory.rename(name, aside).is_ok()).map(|aside| directory.file(&aside))
}
