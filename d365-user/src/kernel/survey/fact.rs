//! A fact, or the reason why it is not known.

use std::io;

use aya::programs::ProgramError;

use crate::kernel::error::error_chain;

/// The reason why a fact is not known, in one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the variants and fields are")]
pub enum Unknown {
    /// This process lacks the permission.
    #[error("not allowed to ask: {0}")]
    Refused(String),
    #[error("{0}")]
    Failed(String),
}

/// A fact, or the reason why it is not known.
pub type Fact<T> = Result<T, Unknown>;

impl From<io::Error> for Unknown {
    fn from(error: io::Error) -> Self {
        Self::classified(error.kind(), error.to_string())
    }
}

impl From<ProgramError> for Unknown {
    fn from(error: ProgramError) -> Self {
        let text = error_chain(&error);
        match error {
            ProgramError::SyscallError(call) => Self::classified(call.io_error.kind(), text),
            _ => Self::Failed(text),
        }
    }
}

impl Unknown {
    /// The reason for an error of this kind.
    #[must_use]
    pub fn classified(kind: io::ErrorKind, text: String) -> Self {
        match kind {
            io::ErrorKind::PermissionDenied => Self::Refused(text),
            _ => Self::Failed(text),
        }
    }
}
