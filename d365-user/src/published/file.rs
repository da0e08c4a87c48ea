//! The published list in the state directory: `published.json`. The daemon writes it, and tasks read it.

use std::path::Path;

use super::PublishedList;
use crate::state::{Damage, Kind, StateDir, StateError, read_only_in, write_checksummed};

/// The file's name in the state directory.
pub const FILE: &str = "published.json";
/// The largest list (262,144 ranges of 64 sources) takes a third of the limit.
pub(crate) const KIND: Kind = Kind { name: "published", oldest: 1, version: 1, limit: 256 << 20 };

/// Writes the list, whole or not at all.
///
/// # Errors
/// [`StateError::Write`] or [`StateError::TooLarge`]; the file before stays.
pub fn save(directory: &StateDir, list: &PublishedList) -> Result<(), StateError> {
    let failed =
        |cause: serde_json::Error| StateError::Write { path: directory.file(FILE), cause: cause.into() };
    write_checksummed(directory, FILE, KIND, &serde_json::to_vec(list).map_err(failed)?)
}

/// Reads the list in the directory of a daemon that may be running; `None` if no daemon has published one.
///
/// # Errors
/// [`StateError::Read`] or [`StateError::Damaged`].
pub fn look(directory: &Path) -> Result<Option<PublishedList>, StateError> {
    read_only_in(directory, FILE, KIND, |body| {
        serde_json::from_slice(body).map_err(|cause| Damage::Content(cause.to_string()))
    })
}
