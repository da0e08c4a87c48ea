//! Why the daemon did not start, and the exit code of it.

use std::{io, net::SocketAddr};

use tokio::task::JoinError;

use super::{DraftError, FailsafeError, Failure};
use crate::{
    exit::Exit,
    kernel::{
        AttachError, InterfaceError, LoadError, PacketLogError, PublishError, RequirementError, SamplesError,
        TagError, TaggerError,
    },
    ranges::RangeError,
    source::SourceError,
    state::StateError,
};

/// Why the daemon did not start. Each message is one line.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A source yields no list.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// No source gives a list: why the first one does not.
    #[error("{0}; no other source gives a list")]
    NoList(Box<Failure>),
    /// The state directory cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The lists make no set.
    #[error(transparent)]
    Ranges(#[from] RangeError),
    /// The set does not fit.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// The address to listen on is not available.
    #[error(
        "cannot listen on {address}: {source}; choose another with --listen, or find who has it: `ss -ltnp`"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Something that is needed is missing.
    #[error(transparent)]
    Requirement(#[from] RequirementError),
    /// An interface cannot be used.
    #[error(transparent)]
    Interface(#[from] InterfaceError),
    /// The object was not loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The first generation was not published.
    #[error("cannot publish the range list: {0}")]
    Publish(#[from] PublishError),
    /// What may never be dropped is not in force.
    #[error(transparent)]
    Failsafe(#[from] FailsafeError),
    /// The program was not attached.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// The tc program was not attached.
    #[error(transparent)]
    Tagger(#[from] TaggerError),
    /// The way of marks cannot be read or set.
    #[error(transparent)]
    Tag(#[from] TagError),
    /// The kernel's log records cannot be read.
    #[error(transparent)]
    PacketLog(#[from] PacketLogError),
    /// There is no thread to read a source with.
    #[error("no thread to read {list} with: {cause}; raise the limit of threads (TasksMax=, ulimit -u)")]
    Thread {
        /// Name of the source.
        list: String,
        /// What the system said.
        cause: io::Error,
    },
    /// Signals cannot be caught, or no thread be made.
    #[error("the operating system refuses what a clean stop needs: {0}")]
    Signals(io::Error),
    /// The HTTP server ended by itself.
    #[error("the HTTP server ended by itself{}", .0.as_ref().map(|error| format!(": {error}")).unwrap_or_default())]
    Server(Option<JoinError>),
    /// Samples of unlisted sources cannot be read.
    #[error(transparent)]
    Samples(#[from] SamplesError),
    /// The thread that keeps the list true ended by itself; it has detached.
    #[error(
        "what keeps the range list true ended unexpectedly{}; the program is detached",
        .0.as_ref().map(|error| format!(": {error}")).unwrap_or_default()
    )]
    Updater(Option<JoinError>),
    /// Loading panicked.
    #[error("loading the kernel program failed unexpectedly: {0}")]
    Panicked(JoinError),
}

impl StartError {
    /// The exit code.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Source(_) | Self::NoList(_) | Self::Ranges(_) | Self::Draft(_) => Exit::Ranges,
            Self::State(_) => Exit::State,
            Self::Listen { .. } => Exit::Listen,
            Self::Interface(_) | Self::Attach(AttachError::Interface(_)) => Exit::Interface,
            Self::Requirement(error)
            | Self::Load(LoadError::Requirement(error))
            | Self::Attach(AttachError::Requirement(error)) => requirement(error),
            Self::Load(LoadError::Verifier { .. }) => Exit::Verifier,
            Self::Load(LoadError::TooMany { .. }) => Exit::Usage,
            Self::Attach(AttachError::Busy { .. } | AttachError::BusyAbove { .. }) => Exit::Occupied,
            Self::Attach(AttachError::Refused { .. } | AttachError::Program { .. }) | Self::Tagger(_) => {
                Exit::Attach
            }
            Self::Load(_)
            | Self::Tag(_)
            | Self::Publish(_)
            | Self::Failsafe(_)
            | Self::PacketLog(_)
            | Self::Thread { .. }
            | Self::Signals(_)
            | Self::Samples(_)
            | Self::Server(_)
            | Self::Updater(_)
            | Self::Panicked(_) => Exit::Internal,
        }
    }

    /// What belongs to the message and is too long for it: the verifier's log.
    #[must_use]
    pub fn details(&self) -> Option<&str> {
        match self {
            Self::Load(LoadError::Verifier { log, .. }) => Some(log),
            _ => None,
        }
    }
}

fn requirement(error: &RequirementError) -> Exit {
    match error {
        RequirementError::Capabilities { .. } | RequirementError::Refused { .. } => Exit::Privilege,
        RequirementError::Feature { .. } => Exit::Kernel,
        RequirementError::Proc(_) => Exit::Internal,
    }
}
