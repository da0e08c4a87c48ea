//! Why a task has no answer.

use std::{io, path::PathBuf};

use crate::{
    exit::Exit,
    source::SourceError,
    state::{Damage, StateError},
};

/// Why a task has no answer. One line each.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The state directory cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// A file in it is not believed.
    #[error(
        "{path} is damaged: {damage}; the daemon sets such a file aside at its next start and goes on without it",
        path = path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why not.
        damage: Damage,
    },
    /// A list cannot be used.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The answer cannot be written.
    #[error("cannot write to standard output: {0}")]
    Output(io::Error),
    /// The operator's answer cannot be read.
    #[error("cannot read from standard input: {0}; give --yes to approve without being asked")]
    Input(io::Error),
    /// The answer cannot be put into words.
    #[error("cannot write JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl CommandError {
    /// The exit code.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::State(_) | Self::Damaged { .. } => Exit::State,
            Self::Source(_) => Exit::Ranges,
            Self::Output(_) | Self::Input(_) | Self::Json(_) => Exit::Internal,
        }
    }
}
