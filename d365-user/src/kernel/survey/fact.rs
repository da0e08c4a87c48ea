//! A fact, or the reason why it is not known.

use std::io;

use aya::programs::ProgramError;

use crate::kernel::error::error_chain;

/// The reason why a fact is not known, in one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// This process lacks the permission.
    #[error("not allowed to ask: {0}")]
    Refused(String),
    /// The query failed, or its answer lacks the fact.
    #[error("{0}")]
    Failed(String),
}

/// A fact, or the reason why it is not known.
pub type Fact<T> = Result<T, Unknown>;

impl From<io::Error> for Unknown {
    fn from(error: io::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&io::Error> for Unknown {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::PermissionDenied => Self::Refused(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl From<ProgramError> for Unknown {
    fn from(error: ProgramError) -> Self {
        let said = error_chain(&error);
        match error {
            ProgramError::SyscallError(call) => Self::said(&call.io_error, said),
            _ => Self::Failed(said),
        }
    }
}

impl Unknown {
    /// Classifies `error`, and takes `said` as the text.
    fn said(error: &io::Error, said: String) -> Self {
        match Self::from(error) {
            Self::Refused(_) => Self::Refused(said),
            Self::Failed(_) => Self::Failed(said),
        }
    }
}
