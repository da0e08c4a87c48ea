//! The files that the daemon keeps in its state directory. The owner of each reads and writes it.
//!
//! | file | content | writer |
//! |---|---|---|
//! | `gate.json` | each source's gate ([`gates`]) | the daemon |
//! | `gate-copy.json` | a copy of what the gates accepted | the daemon |
//! | `approval.json` | the changes that the operator approves ([`approval`]) | `d365-user approve` |
//! | `approval-answer.json` | the outcome of the approvals | the daemon |
//! | `published.json` | the published list for other programs ([`published`]) | the daemon |
//! | `document-….kept` | each downloaded source's last good document ([`documents`]) | the daemon |
//! | `NAME.corrupt` | a damaged file, kept for inspection | the daemon |

use std::path::{Path, PathBuf};

use crate::{
    gate::{GatePolicy, approval, gates},
    published::file as published,
    source::documents,
    state::{Beneath, OwnFiles, StateDir, StateError, is_set_aside, read_only},
};

/// Opens the daemon's state directory. See [`StateDir::open`].
///
/// # Errors
/// As [`StateDir::open`].
pub fn open(path: impl Into<PathBuf>) -> Result<StateDir, StateError> {
    StateDir::open(path, OwnFiles { is_own, submitted: approval::REQUEST })
}

/// The files of the directory at `path` that are not whole, each with its fault, in the order of their names.
/// A daemon may be using the directory: nothing is changed.
///
/// # Errors
/// [`StateError::Directory`] when the directory cannot be listed.
pub fn damaged_files(path: &Path) -> Result<Vec<(String, String)>, StateError> {
    let failed = |cause| StateError::Directory { path: path.to_owned(), cause };
    let directory = Beneath::open(path).map_err(failed)?;
    let mut names = directory.names().map_err(failed)?;
    names.sort();
    let damaged = |file: String| {
        let mut fault = match read(&directory, &file) {
            None if is_set_aside(&file) => "set aside by a daemon that rejected it as damaged".to_owned(),
            // A file that has vanished since the listing was replaced or taken.
            None | Some(Ok(())) => return None,
            Some(Err(StateError::Damaged { damage, .. })) => format!("damaged: {damage}"),
            Some(Err(error)) => error.to_string(),
        };
        if file == gates::FILE && gates::has_copy(path) {
            fault.push_str(&format!("; a start uses {} in its place", gates::COPY));
        }
        Some((file, fault))
    };
    Ok(names.into_iter().filter_map(damaged).collect())
}

/// Returns true for the names that a daemon of this or an earlier release gives to its files. An earlier one
/// locked an empty file.
fn is_own(name: &str) -> bool {
    let files = [gates::FILE, gates::COPY, approval::REQUEST, approval::ANSWER, published::FILE];
    // The prefix also matches names that end with `.corrupt` or `.unfinished`.
    let base = name.trim_start_matches('.');
    name == "lock"
        || files.iter().any(|file| base.starts_with(file))
        || base.starts_with("document-") && base.contains(".kept")
}

/// Reads the file of this name, if it is one of the daemon's.
fn read(directory: &Beneath, file: &str) -> Option<Result<(), StateError>> {
    let kind = match file {
        gates::FILE | gates::COPY => {
            return Some(gates::look_at(directory.path(), file, GatePolicy::default()).map(drop));
        }
        approval::REQUEST => approval::REQUEST_KIND,
        approval::ANSWER => approval::ANSWER_KIND,
        published::FILE => published::KIND,
        _ if file.ends_with(".kept") => documents::KIND,
        _ => return None,
    };
    Some(read_only(directory, file, kind, |_| Ok(())).map(drop))
}
