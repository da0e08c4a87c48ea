//! Reads the gates that a daemon saved.

use std::{fs, io, path::Path};

use super::error::CommandError;
use crate::{
    gate::{
        GatePolicy,
        gates::{self, Gates},
    },
    state::{Found, StateError},
};

/// The gates that are saved in `directory`; `None` if none are saved yet.
pub(super) fn gates(directory: &Path, policy: GatePolicy) -> Result<Option<Gates>, CommandError> {
    let failed = |cause| StateError::Directory { path: directory.to_owned(), cause };
    if !fs::metadata(directory).map_err(failed)?.is_dir() {
        return Err(failed(io::ErrorKind::NotADirectory.into()).into());
    }
    match gates::look(directory, policy)? {
        Found::Whole(gates) => Ok(Some(gates)),
        Found::Nothing => Ok(None),
        Found::Damaged { damage, .. } => {
            let copy = gates::has_copy(directory).then_some(gates::COPY);
            Err(CommandError::Damaged { path: directory.join(gates::FILE), damage, copy })
        }
    }
}
