//! Finds the files of a state directory that are not whole, while a daemon may be using it. Nothing is
//! changed, and the content of the files is not used.

use std::path::Path;

use super::{Beneath, Damage, Found, StateError, peek, read::is_set_aside};
use crate::{
    counters::stored,
    gate::{GatePolicy, approval, gates},
    source::documents,
};

/// A file that is not whole.
#[derive(Debug)]
pub struct Ailing {
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

/// Checks every file of the directory at `path`, in the order of the names.
///
/// # Errors
/// [`StateError::Directory`] when the directory cannot be listed.
pub fn ailing(path: &Path) -> Result<Vec<Ailing>, StateError> {
    let failed = |cause| StateError::Directory { path: path.to_owned(), cause };
    let directory = Beneath::open(path).map_err(failed)?;
    let mut names = directory.names().map_err(failed)?;
    names.sort();
    let ailing = |file: String| problem(&directory, &file).map(|problem| Ailing { file, problem });
    Ok(names.into_iter().filter_map(ailing).collect())
}

/// The fault of this file; `None` for a file that is whole or not the daemon's.
fn problem(directory: &Beneath, file: &str) -> Option<Problem> {
    let (kind, limit) = match file {
        gates::FILE => return found(gates::look(directory.path(), GatePolicy::default())),
        gates::COPY => (gates::KIND, gates::LIMIT),
        stored::FILE => (stored::KIND, stored::LIMIT),
        approval::REQUEST => (approval::REQUEST_KIND, approval::LIMIT),
        approval::ANSWER => (approval::ANSWER_KIND, approval::LIMIT),
        _ if file.ends_with(".kept") => (documents::KIND, documents::LIMIT),
        _ if is_set_aside(file) => return Some(Problem::SetAside),
        _ => return None,
    };
    found(peek(directory, file, kind, limit))
}

fn found<T>(found: Result<Found<T>, StateError>) -> Option<Problem> {
    match found {
        // A file that has vanished since the listing was replaced or taken.
        Ok(Found::Whole(_) | Found::Nothing) => None,
        Ok(Found::Damaged { damage, .. }) => Some(Problem::Damaged(damage)),
        Err(error) => Some(Problem::Unreadable(error)),
    }
}
