//! The files that the daemon keeps in its state directory. The owner of each reads and writes it.
//!
//! | file | content | writer |
//! |---|---|---|
//! | `gate.json` | each source's gate ([`gates`]) | the daemon |
//! | `gate-copy.json` | a copy of what the gates accepted | the daemon |
//! | `approval.json` | the changes that the operator approves ([`approval`]) | `d365-user approve` |
//! | `approval-answer.json` | the outcome of the approvals | the daemon |
//! | `document-….kept` | each downloaded source's last good document ([`documents`]) | the daemon |
//! | `NAME.corrupt` | a damaged file, kept for inspection | the daemon |

use std::path::{Path, PathBuf};

use crate::{
    gate::{GatePolicy, approval, gates},
    source::documents,
    state::{self, Beneath, OwnFiles, StateDir, StateError, read_only},
};

/// Opens the daemon's state directory. See [`StateDir::open`].
///
/// # Errors
/// As [`StateDir::open`].
pub fn open(path: impl Into<PathBuf>) -> Result<StateDir, StateError> {
    StateDir::open(path, OwnFiles { is_own, submitted: approval::REQUEST })
}

/// The files of the directory at `path` that are not whole, each with its fault. A daemon may be using it.
///
/// # Errors
/// [`StateError::Directory`] when the directory cannot be listed.
pub fn damaged_files(path: &Path) -> Result<Vec<(String, String)>, StateError> {
    let mut files = state::damaged_files(path, read)?;
    for (_, fault) in files.iter_mut().filter(|(name, _)| name == gates::FILE && gates::has_copy(path)) {
        fault.push_str(&format!("; a start uses {} in its place", gates::COPY));
    }
    Ok(files)
}

/// Returns true for the names that a daemon of this or an earlier release gives to its files. An earlier one
/// locked an empty file.
fn is_own(name: &str) -> bool {
    let files = [gates::FILE, gates::COPY, approval::REQUEST, approval::ANSWER];
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
        _ if file.ends_with(".kept") => documents::KIND,
        _ => return None,
    };
    Some(read_only(directory, file, kind, |_| Ok(())).map(drop))
}
