//! The errors of tasks.

use std::{io, path::PathBuf};

use crate::{
    config::ConfigError,
    exit::Exit,
    export::{ExportError, TemplateError},
    http::WebConfigError,
    kernel::StoreError,
    source::{NO_OTHER_LIST, SourceError},
    state::{Damage, StateError},
};

/// An error that leaves a task without an answer. One line each.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the variants and fields are")]
pub enum CommandError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    WebConfig(#[from] WebConfigError),
    #[error(transparent)]
    State(#[from] StateError),
    /// A file in the state directory is damaged.
    #[error(
        "{path} is damaged: {damage}; the daemon sets such a file aside at its next start and {}",
        copy.map_or_else(|| "runs without it".to_owned(), |copy| format!("uses {copy} in its place")),
        path = path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The damage.
        damage: Damage,
        /// The file that the daemon uses in its place.
        copy: Option<&'static str>,
    },
    /// No source gives a list. The payload is the failure of the first source.
    #[error("{0}; {NO_OTHER_LIST}")]
    NoList(String),
    /// No daemon has published a list into this directory.
    #[error(
        "{path} has no published list: start the daemon with this state directory, or name its --state-dir",
        path = .0.display()
    )]
    NotPublished(PathBuf),
    #[error(transparent)]
    Export(#[from] ExportError),
    #[error("give --format or --template")]
    NoForm,
    #[error("{path}: {cause}; name a readable template", path = path.display())]
    TemplateFile { path: PathBuf, cause: io::Error },
    #[error("{path}: {cause}; docs/reference.md lists the variables", path = path.display())]
    Template { path: PathBuf, cause: TemplateError },
    /// The file of `--output` cannot be written.
    #[error("{path}: {cause}; the file is unchanged", path = path.display())]
    Written {
        /// The file.
        path: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Pins(#[from] StoreError),
    #[error("cannot write to standard output: {0}")]
    Output(io::Error),
    #[error("cannot read from standard input: {0}; give --yes to approve without being asked")]
    Input(io::Error),
    #[error("cannot write JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl CommandError {
    /// The exit code of this error.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Config(_) | Self::NoForm | Self::TemplateFile { .. } | Self::Template { .. } => Exit::Usage,
            Self::WebConfig(_) => Exit::WebConfig,
            Self::State(_) | Self::Damaged { .. } => Exit::State,
            Self::Source(_) | Self::NoList(_) | Self::NotPublished(_) | Self::Export(ExportError::Empty) => {
                Exit::Ranges
            }
            Self::Pins(_) => Exit::Attach,
            Self::Output(_) | Self::Input(_) | Self::Json(_) | Self::Written { .. } => Exit::Internal,
            Self::Export(ExportError::Lapsed { .. }) => Exit::FINDINGS,
        }
    }
}
