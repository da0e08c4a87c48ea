//! Finds the files of a state directory that are not whole, while a daemon may be using it. Nothing is
//! changed, and the content of the files is not used.

use std::path::Path;

use super::{
    beneath::Beneath,
    checksummed::Damage,
    error::StateError,
    read::{Found, is_set_aside},
};

/// A file that is not whole.
#[derive(Debug)]
pub struct DamagedFile {
    /// Its name in the directory.
    pub file: String,
    /// The fault.
    pub problem: Problem,
}

/// The fault of a file.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// It is damaged.
    #[error("damaged: {0}")]
    Damaged(Damage),
    /// A daemon rejected it and renamed it to this name.
    #[error("set aside by a daemon that rejected it as damaged")]
    SetAside,
    /// It cannot be read.
    #[error("{0}")]
    Unreadable(StateError),
}

/// Checks every file of the directory at `path`, in the order of the names. `read` reads a file of this name;
/// `None` for a file that is not the daemon's.
///
/// # Errors
/// [`StateError::Directory`] when the directory cannot be listed.
pub fn damaged_files(
    path: &Path,
    read: impl Fn(&Beneath, &str) -> Option<Result<Found<()>, StateError>>,
) -> Result<Vec<DamagedFile>, StateError> {
    let failed = |cause| StateError::Directory { path: path.to_owned(), cause };
    let directory = Beneath::open(path).map_err(failed)?;
    let mut names = directory.names().map_err(failed)?;
    names.sort();
    let damaged = |file: String| {
        let problem = match read(&directory, &file) {
            None => is_set_aside(&file).then_some(Problem::SetAside),
            // A file that has vanished since the listing was replaced or taken.
            Some(Ok(Found::Whole(()) | Found::Nothing)) => None,
            Some(Ok(Found::Damaged { damage, .. })) => Some(Problem::Damaged(damage)),
            Some(Err(error)) => Some(Problem::Unreadable(error)),
        };
        problem.map(|problem| DamagedFile { file, problem })
    };
    Ok(names.into_iter().filter_map(damaged).collect())
}
