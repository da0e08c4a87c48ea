//! Reads the gates that a daemon saved.

use std::{fs, io, path::Path};

use super::error::CommandError;
use crate::{
    gate::{
        GatePolicy,
        gates::{self, Gates},
    },
    state::StateError,
};

/// The gates that are saved in `directory`; `None` if none are saved yet.
pub(super) fn gates(directory: &Path, policy: GatePolicy) -> Result<Option<Gates>, CommandError> {
    let failed = |cause| StateError::Directory { path: directory.to_owned(), cause };
    if !fs::metadata(directory).map_err(failed)?.is_dir() {
        return Err(failed(io::ErrorKind::NotADirectory.into()).into());
    }
    gates::look(directory, policy).map_err(|error| match error {
        StateError::Damaged { path, damage, .. } => {
            let copy = gates::has_copy(directory).then_some(gates::COPY);
            CommandError::Damaged { path, damage, copy }
        }
        error => error.into(),
    })
}
