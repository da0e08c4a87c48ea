//! Errors of keeping descriptors. This module never touches one.

use std::{io, path::PathBuf};

/// A descriptor cannot be kept, or those of the earlier daemon cannot be taken.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum StoreError {
    /// The service manager cannot be reached.
    #[error(
        "the service manager does not take or drop descriptor {name}: {source}; check NotifyAccess= of the unit"
    )]
    Notify { name: String, source: io::Error },
    /// There is no bpffs.
    #[error(
        "no bpffs at {path}; `mount -t bpf bpf /sys/fs/bpf` mounts the usual one, --pin-dir names a directory on it"
    )]
    NoBpffs { path: PathBuf },
    /// The directory, or a pin in it, could not be read, created or removed.
    #[error("cannot {what} {path}: {source}; pinning needs write permission there")]
    Path { what: &'static str, path: PathBuf, source: io::Error },
    /// Another user could exchange what is pinned.
    #[error(
        "{path} {why}: others could replace or remove what is pinned; give it to the daemon's user with mode 0700, or name \
         another directory with --pin-dir"
    )]
    Refused { path: PathBuf, why: String },
    /// Another daemon uses the directory.
    #[error("another d365-user uses {path}; stop it first, or name another directory with --pin-dir")]
    InUse { path: PathBuf },
}
