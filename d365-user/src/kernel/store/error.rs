//! Errors of keeping descriptors. This module never touches one.

use std::{io, path::PathBuf};

/// A descriptor cannot be kept, or those of the earlier daemon cannot be taken.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what variants and fields are")]
pub enum StoreError {
    #[error(
        "the service manager does not take or drop descriptor {name}: {source}; check NotifyAccess= of the unit"
    )]
    Notify { name: String, source: io::Error },
    #[error(
        "no bpffs at {path}; `mount -t bpf bpf /sys/fs/bpf` mounts the usual one, --pin-dir names a directory on it"
    )]
    NoBpffs { path: PathBuf },
    #[error("cannot {what} {path}: {source}; pinning needs write permission there")]
    Path { what: &'static str, path: PathBuf, source: io::Error },
    #[error(
        "{path} {why}: others could replace or remove what is pinned; give it to the daemon's user with mode 0700, or name \
         another directory with --pin-dir"
    )]
    Refused { path: PathBuf, why: String },
    #[error("another d365-user uses {path}; stop it first, or name another directory with --pin-dir")]
    InUse { path: PathBuf },
}
