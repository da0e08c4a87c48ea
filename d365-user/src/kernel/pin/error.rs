//! Why counters are not pinned, or not found again. It only says so; nothing here touches a pin.

use std::{io, path::PathBuf};

use aya::maps::MapError;

use super::Shape;
use crate::kernel::chain;

/// Why counters are not pinned, or not found again.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// There is no bpffs.
    #[error(
        "no bpffs at {path}; `mount -t bpf bpf /sys/fs/bpf` mounts the usual one, --pin-dir names a directory on it"
    )]
    NoBpffs {
        /// Where it should be.
        path: PathBuf,
    },
    /// The directory, or a pin in it, could not be made, replaced or removed.
    #[error("cannot {what} {path}: {source}; who pins needs write permission there")]
    Path {
        /// What was to be done.
        what: &'static str,
        /// The path.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// Somebody else could exchange what is pinned.
    #[error(
        "{path} {why}: others could replace or remove what is pinned; give it to the daemon's user with mode 0700, or name \
         another directory with --pin-dir"
    )]
    Refused {
        /// The directory, or one above it.
        path: PathBuf,
        /// The fault.
        why: String,
    },
    /// A map could not be pinned.
    #[error("cannot pin a map as {path}: {}", chain(.source))]
    Pin {
        /// The path.
        path: PathBuf,
        /// What aya or the kernel said.
        source: aya::pin::PinError,
    },
    /// A pin could not be opened.
    #[error("cannot open {path}: {}; if it is not this daemon's, remove it", chain(.source))]
    Open {
        /// The path.
        path: PathBuf,
        /// What aya or the kernel said.
        source: MapError,
    },
    /// What is pinned is not what this daemon would have made.
    #[error(
        "{path} is {found}, and should be {expected}: pinned with other interfaces or another --max-ranges; start          the daemon as before, or remove the pin and lose its counts"
    )]
    Mismatch {
        /// The path.
        path: PathBuf,
        /// What is there.
        found: Shape,
        /// What should be there.
        expected: Shape,
    },
    /// One of the two maps is pinned, and the other is not.
    #[error("{present} is there without {missing}; remove it")]
    Half {
        /// The pin that is there.
        present: PathBuf,
        /// The pin that is not.
        missing: PathBuf,
    },
}
