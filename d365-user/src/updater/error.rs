//! The errors that leave the updater without a first list.

use crate::{
    exit::Exit,
    ranges::RangeError,
    resources::ResourceError,
    source::{NO_OTHER_LIST, SourceError},
    state::StateError,
};

use super::Failure;

/// An error that keeps the updater from a first list. Each message is one line.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the variants and fields are")]
pub enum PrepareError {
    #[error(transparent)]
    Source(#[from] SourceError),
    /// No source gives a list. The payload is the failure of the first source.
    #[error("{0}; {NO_OTHER_LIST}")]
    NoList(Box<Failure>),
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Ranges(#[from] RangeError),
    #[error(transparent)]
    Resource(#[from] ResourceError),
}

impl PrepareError {
    /// Returns the exit code of this error.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Source(_) | Self::NoList(_) | Self::Ranges(_) => Exit::Ranges,
            Self::State(_) => Exit::State,
            Self::Resource(_) => Exit::Resources,
        }
    }
}
