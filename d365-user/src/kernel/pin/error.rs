//! Errors of pinning counters and of opening pinned ones. This module never touches a pin.

use std::{io, path::PathBuf};

use aya::maps::MapError;

use super::shape::Shape;
use crate::kernel::error::error_chain;

/// Counters cannot be pinned, or pinned counters cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// There is no bpffs.
    #[error(
        "no bpffs at {path}; `mount -t bpf bpf /sys/fs/bpf` mounts the usual one, --pin-dir names a directory on it"
    )]
    NoBpffs {
        /// The path where it is expected.
        path: PathBuf,
    },
    /// The directory, or a pin in it, could not be read, created, replaced or removed.
    #[error("cannot {what} {path}: {source}; pinning needs write permission there")]
    Path {
        /// The action that failed.
        what: &'static str,
        /// The path.
        path: PathBuf,
        /// The kernel's error.
        source: io::Error,
    },
    /// Another user could exchange the pinned maps.
    #[error(
        "{path} {why}: others could replace or remove what is pinned; give it to the daemon's user with mode 0700, or name \
         another directory with --pin-dir"
    )]
    Refused {
        /// The directory, or one above it.
        path: PathBuf,
        /// The reason.
        why: String,
    },
    /// A map could not be pinned.
    #[error("cannot pin a map as {path}: {}", error_chain(.source))]
    Pin {
        /// The path.
        path: PathBuf,
        /// The error of aya or of the kernel.
        source: aya::pin::PinError,
    },
    /// A pin could not be opened.
    #[error("cannot open {path}: {}; if it is not this daemon's, remove it", error_chain(.source))]
    Open {
        /// The path.
        path: PathBuf,
        /// The error of aya or of the kernel.
        source: MapError,
    },
    /// The pinned map is not as this daemon would create it.
    #[error(
        "{path} is {found}, and should be {expected}: pinned with other interfaces or another --max-ranges; start \
         the daemon as before, or remove the pin and lose its counts"
    )]
    Mismatch {
        /// The path.
        path: PathBuf,
        /// The shape of the pinned map.
        found: Shape,
        /// The expected shape.
        expected: Shape,
    },
    /// Only one of the two maps is pinned.
    #[error("{present} is there without {missing}; remove it")]
    Half {
        /// The pin that exists.
        present: PathBuf,
        /// The pin that is missing.
        missing: PathBuf,
    },
}
