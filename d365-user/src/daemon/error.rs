//! The errors of the daemon's start, and the exit code of each.

use std::{error::Error as _, io};

use tokio::task::JoinError;

use crate::{
    counters::SlotsFull,
    exit::Exit,
    http::WebConfigError,
    kernel::{
        AttachError, InterfaceError, LoadError, MapIndexError, PacketLogError, PublishError,
        RequirementError, SamplesError, StoreError,
    },
    resources::{ResourceError, is_lack},
    runtime::FailsafeError,
    settings::Listen,
    updater::PrepareError,
};

/// An error that keeps the daemon from starting or ends it. Each message is one line.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what variants and fields are")]
pub enum StartError {
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    #[error(transparent)]
    Pending(#[from] SlotsFull),
    #[error(
        "cannot listen on {address}: {source}; choose another with --listen, or find who has it: `ss -lptx`"
    )]
    Listen { address: Listen, source: io::Error },
    #[error("a socket that the service manager passed cannot be used: {0}; look at the unit's .socket file")]
    Passed(io::Error),
    #[error("{0}; `d365-user check` tries it without a start")]
    WebConfig(#[from] WebConfigError),
    #[error(transparent)]
    Requirement(#[from] RequirementError),
    #[error(transparent)]
    Interface(#[from] InterfaceError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("cannot publish the range list: {0}")]
    Publish(#[from] PublishError),
    #[error(transparent)]
    Failsafe(#[from] FailsafeError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Counter(#[from] MapIndexError),
    #[error(transparent)]
    Attach(#[from] AttachError),
    #[error(transparent)]
    PacketLog(#[from] PacketLogError),
    #[error(transparent)]
    Resource(#[from] ResourceError),
    #[error(
        "stopped by SIGXCPU: the limit of processor time is reached; raise LimitCPU= of the unit or `ulimit -t`"
    )]
    ProcessorTime,
    /// Signals cannot be caught, or there is no runtime.
    #[error("the operating system refuses what a clean stop needs: {0}")]
    Signals(#[source] io::Error),
    #[error("the HTTP server ended by itself{}", .0.as_ref().map(|error| format!(": {error}")).unwrap_or_default())]
    Server(Option<JoinError>),
    #[error(transparent)]
    Samples(#[from] SamplesError),
    /// The updater's thread ended unexpectedly. Programs that nothing keeps are detached.
    #[error("the thread that keeps the range list current ended unexpectedly; restart the daemon")]
    Updater,
    #[error("the start failed unexpectedly; the line before says where")]
    Panicked,
}

impl StartError {
    /// Returns the exit code of this error.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self.kind() {
            Exit::Internal | Exit::Attach if self.is_lack() => Exit::Resources,
            exit => exit,
        }
    }

    /// Returns true if an error in the chain is a lack of system resources.
    fn is_lack(&self) -> bool {
        let mut causes = std::iter::successors(self.source(), |&cause| cause.source());
        causes.any(|cause| cause.downcast_ref().is_some_and(is_lack))
    }

    fn kind(&self) -> Exit {
        match self {
            Self::Prepare(error) => error.exit(),
            Self::Pending(_) => Exit::Ranges,
            Self::Listen { .. } | Self::Passed(_) => Exit::Listen,
            Self::WebConfig(_) => Exit::WebConfig,
            Self::Interface(_) | Self::Attach(AttachError::Interface(_)) => Exit::Interface,
            Self::Requirement(error) | Self::Attach(AttachError::Requirement(error)) => requirement(error),
            Self::Load(error) => load(error),
            Self::Attach(AttachError::Load(error)) => load(error),
            Self::Attach(AttachError::Busy { .. } | AttachError::BusyAbove { .. }) => Exit::Occupied,
            Self::Attach(
                AttachError::Refused { .. }
                | AttachError::Unfit { .. }
                | AttachError::Ingress { .. }
                | AttachError::Row { .. }
                | AttachError::RowName { .. }
                | AttachError::Tc(_)
                | AttachError::Program { .. },
            )
            | Self::Store(
                StoreError::NoBpffs { .. } | StoreError::Refused { .. } | StoreError::InUse { .. },
            ) => Exit::Attach,
            Self::Counter(_)
            | Self::Store(_)
            | Self::Publish(_)
            | Self::Failsafe(_)
            | Self::PacketLog(_)
            | Self::Signals(_)
            | Self::Samples(_)
            | Self::Server(_)
            | Self::Updater
            | Self::Panicked => Exit::Internal,
            Self::Resource(_) | Self::ProcessorTime => Exit::Resources,
        }
    }

    /// Returns the verifier's log, which belongs to the message and is too long for it.
    #[must_use]
    pub fn details(&self) -> Option<&str> {
        let error = match self {
            Self::Load(error) => error,
            Self::Attach(AttachError::Load(error)) => error,
            _ => return None,
        };
        match error {
            LoadError::Verifier { log, .. } => Some(log),
            _ => None,
        }
    }
}

fn load(error: &LoadError) -> Exit {
    match error {
        LoadError::Requirement(error) => requirement(error),
        LoadError::Verifier { .. } => Exit::Verifier,
        LoadError::TooMany { .. } => Exit::Usage,
        _ => Exit::Internal,
    }
}

fn requirement(error: &RequirementError) -> Exit {
    match error {
        RequirementError::Capabilities { .. } | RequirementError::Refused { .. } => Exit::Privilege,
        RequirementError::Feature { .. } => Exit::Kernel,
        RequirementError::Proc(_) => Exit::Internal,
    }
}
