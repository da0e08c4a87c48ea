//! Why one reading of a source gave no list. Nothing of what is accepted is touched by it.

use std::{collections::BTreeSet, io, time::Duration};

use crate::{
    ranges::RangeError,
    source::{
        SourceError, Spec,
        download::{DownloadError, OptionsError, Problem},
        service_tags::DocumentError,
    },
};

/// Why one reading of a source gave no list. Each message is one line and names the source.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A file or a document that is refused.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Nothing was downloaded.
    #[error("{list}: {problem}")]
    Download {
        /// Name of the source.
        list: String,
        /// Why.
        problem: DownloadError,
    },
    /// Nothing can be downloaded from this host.
    #[error("{list}: {problem}")]
    Client {
        /// Name of the source.
        list: String,
        /// Why.
        problem: OptionsError,
    },
    /// What is listed is no set of ranges.
    #[error("{list}: {problem}")]
    Ranges {
        /// Name of the source.
        list: String,
        /// Why.
        problem: Box<RangeError>,
    },
    /// A fault of this program.
    #[error(
        "{list}: reading it failed unexpectedly; please report it with what stands before this in the log"
    )]
    Panicked {
        /// Name of the source.
        list: String,
    },
}

/// The word for [`Failure::Panicked`].
const INTERNAL: &str = "internal";
/// The word for [`Failure::Client`].
const CLIENT: &str = "client";
/// The word for [`Failure::Ranges`].
const RANGES: &str = "ranges";

impl Failure {
    /// The reason in a word, the metrics' label `reason`.
    pub(super) const fn reason(&self) -> &'static str {
        match self {
            Self::Source(error) => error.reason(),
            Self::Download { problem, .. } => problem.as_str(),
            Self::Client { .. } => CLIENT,
            Self::Ranges { .. } => RANGES,
            Self::Panicked { .. } => INTERNAL,
        }
    }

    /// Returns true if it may be over without a change of the source: the system could not read it, for want
    /// of descriptors or memory or by a fault of the device. A file that is missing is watched for.
    pub(super) fn is_passing(&self) -> bool {
        let Self::Source(SourceError::Read { cause, .. }) = self else { return false };
        cause.kind() != io::ErrorKind::NotFound
    }

    /// How long the server asked to be left alone, at most a day.
    pub(super) const fn rest(&self) -> Option<Duration> {
        match self {
            Self::Download { problem: DownloadError { problem: Problem::Rest { rest, .. }, .. }, .. } => {
                Some(*rest)
            }
            _ => None,
        }
    }

    /// Every reason that a source of this kind can have.
    pub(super) fn reasons(spec: &Spec) -> BTreeSet<&'static str> {
        let document = DocumentError::REASONS.iter().chain([&RANGES, &INTERNAL]);
        match spec {
            Spec::Embedded => BTreeSet::new(),
            Spec::File(_) => {
                let file = SourceError::REASONS.iter().filter(|reason| **reason != "remote");
                document.chain(file).copied().collect()
            }
            Spec::Url(_) | Spec::Azure(_) => {
                document.chain(&Problem::REASONS).chain([&CLIENT]).copied().collect()
            }
        }
    }
}
