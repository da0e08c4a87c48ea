//! The last good document of each downloaded source. The next start uses it when the network is down, and
//! `d365-user drift` compares it. Only sources on the network have one. A `file:` list and the embedded list
//! are read from where they are.
//!
//! The body of a file is the document's stamp as a line of JSON, then its bytes as received. This module
//! neither reads a document nor decides if it is good. The caller saves only documents that it has read
//! without an error.

use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::{
    source::{MAX_BYTES, download::Document},
    state::{Damage, Kind, StateDir, StateError, read_checked, read_only_in, write_checksummed},
};

/// Longest file in bytes: the longest document, its stamp and the header line. No part of the stamp is longer
/// than a response's head.
const LIMIT: u64 = MAX_BYTES + (257 << 10);
/// Raise the version when the form of the body changes.
pub(crate) const KIND: Kind = Kind { name: "document", oldest: 1, version: 1, limit: LIMIT };
/// Number of bytes of the digest in a file's name.
const NAME_BYTES: usize = 8;

/// The file name for `source`, which is named as its [`Spec`](crate::source::Spec) is displayed
/// (`azure:public`, `url:https://…`). A file name cannot contain a URL, so it contains the digest of the
/// name.
#[must_use]
pub fn file_name(source: &str) -> String {
    format!("document-{}.kept", hex::encode(&Sha256::digest(source)[..NAME_BYTES]))
}

/// Saves the document of `source`, in place of the one before.
///
/// # Errors
/// [`StateError::Write`]; the one before is kept then.
pub fn save(directory: &StateDir, source: &str, document: &Document) -> Result<(), StateError> {
    let name = file_name(source);
    let body = encode(document).map_err(|cause| StateError::Write {
        path: directory.file(&name),
        cause: std::io::Error::other(cause),
    })?;
    write_checksummed(directory, &name, KIND, &body)
}

/// The document of `source`. A damaged file is set aside.
///
/// # Errors
/// [`StateError::Read`] or [`StateError::Damaged`].
pub fn load(directory: &StateDir, source: &str) -> Result<Option<Document>, StateError> {
    read_checked(directory, &file_name(source), KIND, decode)
}

/// The document of `source` in the directory of a daemon that may be running. Nothing is changed.
///
/// # Errors
/// [`StateError::Read`] or [`StateError::Damaged`].
pub fn look(directory: &Path, source: &str) -> Result<Option<Document>, StateError> {
    read_only_in(directory, &file_name(source), KIND, decode)
}

/// Makes the document of the source `old` that of `new`, without the query of its URL. If `new` has a
/// document, that one stays and the document of `old` is removed. A damaged file of `old` is set aside.
///
/// # Errors
/// [`StateError::Read`], or [`StateError::Write`] when the new file cannot be written or the old one cannot
/// be removed.
pub fn rename(directory: &StateDir, old: &str, new: &str) -> Result<(), StateError> {
    let document = match load(directory, old) {
        Ok(Some(document)) => document,
        Ok(None) | Err(StateError::Damaged { .. }) => return Ok(()),
        Err(error) => return Err(error),
    };
    let is_there = directory.exists(&file_name(new));
    if !is_there {
        save(directory, new, &document)?;
    }
    directory.remove(&file_name(old))
}

/// Returns the body of a file for a document. Pure.
///
/// # Errors
/// An error of the JSON writer. It does not happen, because a stamp has nothing but text.
pub fn encode(document: &Document) -> Result<Vec<u8>, serde_json::Error> {
    let mut file = Vec::with_capacity(document.bytes.len() + 1024);
    serde_json::to_writer(&mut file, &document.stamp)?;
    file.push(b'\n');
    file.extend_from_slice(&document.bytes);
    Ok(file)
}

/// Returns the document in a file's body. Pure.
///
/// # Errors
/// [`Damage::Content`], the problem of the first line. The document is downloaded again.
pub fn decode(body: &[u8]) -> Result<Document, Damage> {
    let end = body.iter().position(|byte| *byte == b'\n');
    let end = end.ok_or_else(|| Damage::Content("it has no first line".to_owned()))?;
    let stamp = serde_json::from_slice(&body[..end]).map_err(|cause| Damage::Content(cause.to_string()))?;
    Ok(Document { stamp, bytes: body[end + 1..].to_vec() })
}

#[cfg(test)]
mod tests;
