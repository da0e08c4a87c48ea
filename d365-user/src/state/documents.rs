//! The last good document of each downloaded source: what the next start has when the network is down, and what
//! `d365-user drift` compares. Only sources on the network have one; a `file:` list and the embedded one are where they are.
//!
//! Nothing here reads a document or decides whether it is good: the caller keeps none that was not read and found so.

use std::fmt::Write as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::{Damage, Found, Kind, StateDir, StateError, peek_in, read_checked, write_sealed};
use crate::source::download::{Document, cache};

/// Raise the version when the form of [`cache`] changes.
pub(super) const KIND: Kind = Kind { name: "document", version: 1 };
/// The largest file that is read: the document's, behind the line that says what it is.
pub(super) const LIMIT: u64 = cache::MAX_FILE + (1 << 10);
/// How many bytes of the digest are in a file's name.
const NAME_BYTES: usize = 8;

/// The name of the file of `source`, which is called as its [`Spec`](crate::source::Spec) is shown
/// (`azure:public`, `url:https://…`): a URL can be no part of a name, so its digest is.
#[must_use]
pub fn file_name(source: &str) -> String {
    let mut name = String::from("document-");
    for byte in &Sha256::digest(source)[..NAME_BYTES] {
        // Writing to a string cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    name.push_str(".kept");
    name
}

/// Keeps the document of `source`, in place of the one before.
///
/// # Errors
/// [`StateError::Write`]; the one before is kept then.
pub fn save(directory: &StateDir, source: &str, document: &Document) -> Result<(), StateError> {
    let name = file_name(source);
    let body = cache::encode(document).map_err(|cause| StateError::Write {
        path: directory.file(&name),
        cause: std::io::Error::other(cause),
    })?;
    write_sealed(directory, &name, KIND, &body)
}

/// The document of `source`. A file that is not believed is set aside.
///
/// # Errors
/// [`StateError::Read`].
pub fn load(directory: &StateDir, source: &str) -> Result<Found<Document>, StateError> {
    let name = file_name(source);
    Ok(read_checked(directory, &name, KIND, LIMIT)?.and_then(directory, &name, document))
}

/// The document of `source` in the directory of a daemon that may be running; everything is left as it is.
///
/// # Errors
/// [`StateError::Read`].
pub fn look(directory: &Path, source: &str) -> Result<Found<Document>, StateError> {
    Ok(peek_in(directory, &file_name(source), KIND, LIMIT)?.and_look(document))
}

/// Has the document of the source `old` be that of `new`, unless that has one, without the query of its URL.
/// A file of `old` that is damaged is set aside.
///
/// # Errors
/// [`StateError::Read`], or [`StateError::Write`] for what could be neither written nor removed.
pub fn rename(directory: &StateDir, old: &str, new: &str) -> Result<(), StateError> {
    let Found::Whole(document) = load(directory, old)? else { return Ok(()) };
    let is_there = directory.exists(&file_name(new));
    if !is_there {
        save(directory, new, &document)?;
    }
    directory.remove(&file_name(old))
}

/// The document in a file's body. Pure.
fn document(body: Vec<u8>) -> Result<Document, Damage> {
    cache::decode(body).map_err(|cause| Damage::Content(cause.to_string()))
}

#[cfg(test)]
mod tests;
