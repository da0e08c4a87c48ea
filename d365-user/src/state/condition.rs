//! Which files of a state directory are not whole, asked from beside a daemon that may be running: everything is left as it
//! is, and nothing is believed that comes of it.

use std::path::Path;

use super::{
    Beneath, Damage, Found, StateError, approval, counters, documents, gates, peek, read::is_set_aside,
};
use crate::generation::gate::GatePolicy;

/// A file that is not whole.
#[derive(Debug)]
pub struct Ailing {
    /// Its name in the directory.
    pub file: String,
    /// The fault.
    pub problem: Problem,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// It is not believed.
    #[error("damaged: {0}")]
    Damaged(Damage),
    /// A daemon did not believe it, and put it here.
    #[error("set aside by a daemon that did not believe it")]
    SetAside,
    /// It cannot be read.
    #[error("{0}")]
    Unreadable(StateError),
}

/// Looks at every file of the directory at `path`, by name.
///
/// # Errors
/// [`StateError::Directory`] when it cannot be listed.
pub fn ailing(path: &Path) -> Result<Vec<Ailing>, StateError> {
    let failed = |cause| StateError::Directory { path: path.to_owned(), cause };
    let directory = Beneath::open(path).map_err(failed)?;
    let mut names = directory.names().map_err(failed)?;
    names.sort();
    let ailing = |file: String| problem(&directory, &file).map(|problem| Ailing { file, problem });
    Ok(names.into_iter().filter_map(ailing).collect())
}

/// What is wrong with this file; nothing with one that is none of ours.
fn problem(directory: &Beneath, file: &str) -> Option<Problem> {
    let (kind, limit) = match file {
        gates::FILE => return found(gates::look(directory.path(), GatePolicy::default())),
        gates::COPY => (gates::KIND, gates::LIMIT),
        counters::FILE => (counters::KIND, counters::LIMIT),
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
        // One that has gone meanwhile has been replaced or taken.
        Ok(Found::Whole(_) | Found::Nothing) => None,
        Ok(Found::Damaged { damage, .. }) => Some(Problem::Damaged(damage)),
        Err(error) => Some(Problem::Unreadable(error)),
    }
}
