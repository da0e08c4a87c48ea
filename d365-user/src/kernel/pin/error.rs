//! Errors of pinning counters and of opening pinned ones. This module never touches a pin.

use std::{io, path::PathBuf};

use aya::maps::MapError;

use super::shape::Shape;
use crate::kernel::error::error_chain;

/// Counters cannot be pinned, or pinned counters cannot be opened.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum PinError {
    /// There is no bpffs.
    #[error(
        "no bpffs at {path}; `mount -t bpf bpf /sys/fs/bpf` mounts the usual one, --pin-dir names a directory on it"
    )]
    NoBpffs { path: PathBuf },
    /// The directory, or a pin in it, could not be read, created, replaced or removed.
    #[error("cannot {what} {path}: {source}; pinning needs write permission there")]
    Path { what: &'static str, path: PathBuf, source: io::Error },
    /// Another user could exchange the pinned maps.
    #[error(
        "{path} {why}: others could replace or remove what is pinned; give it to the daemon's user with mode 0700, or name \
         another directory with --pin-dir"
    )]
    Refused { path: PathBuf, why: String },
    /// A map could not be pinned.
    #[error("cannot pin a map as {path}: {}", error_chain(.source))]
    Pin { path: PathBuf, source: aya::pin::PinError },
    /// A pin could not be opened.
    #[error("cannot open {path}: {}; if it is not this daemon's, remove it", error_chain(.source))]
    Open { path: PathBuf, source: MapError },
    /// The pinned map is not as this daemon would create it.
    #[error(
        "{path} is {found}, and should be {expected}: pinned with other interfaces or another --max-ranges; start \
         the daemon as before, or remove the pin and lose its counts"
    )]
    Mismatch { path: PathBuf, found: Shape, expected: Shape },
    /// Only one of the two maps is pinned.
    #[error("{present} is there without {missing}; remove it")]
    Half { present: PathBuf, missing: PathBuf },
}
