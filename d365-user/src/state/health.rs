//! Finds the files of a state directory that are not whole, while a daemon may be using it. Nothing is
//! changed, and the content of the files is not used.

use std::path::Path;

use super::{beneath::Beneath, error::StateError, read::is_set_aside};

/// Checks every file of the directory at `path`. Returns the name of each that is not whole and its fault, in
/// the order of the names. `read` reads a file of this name; `None` for a file that is not the daemon's.
///
/// # Errors
/// [`StateError::Directory`] when the directory cannot be listed.
pub fn damaged_files(
    path: &Path,
    read: impl Fn(&Beneath, &str) -> Option<Result<(), StateError>>,
) -> Result<Vec<(String, String)>, StateError> {
    let failed = |cause| StateError::Directory { path: path.to_owned(), cause };
    let directory = Beneath::open(path).map_err(failed)?;
    let mut names = directory.names().map_err(failed)?;
    names.sort();
    let damaged = |file: String| {
        let fault = match read(&directory, &file) {
            None if is_set_aside(&file) => "set aside by a daemon that rejected it as damaged".to_owned(),
            // A file that has vanished since the listing was replaced or taken.
            None | Some(Ok(())) => return None,
            Some(Err(StateError::Damaged { damage, .. })) => format!("damaged: {damage}"),
            Some(Err(error)) => error.to_string(),
        };
        Some((file, fault))
    };
    Ok(names.into_iter().filter_map(damaged).collect())
}
