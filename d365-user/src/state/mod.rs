//! The state directory: the files from which the daemon continues after a restart. A file is written whole or
//! not at all, and is accepted only if its digest matches ([`checksummed`]). This module knows no file by
//! name: the owner of each file interprets its content ([`state_files`](crate::state_files) lists them).

mod access;
mod beneath;
mod checksummed;
mod directory;
mod error;
mod lock;
mod read;
mod remark;
mod storage;
mod write;

pub use access::{LIST_WRITERS, Writer, other_writers, other_writers_of_file};
pub use beneath::Beneath;
pub(crate) use checksummed::sha256;
pub use checksummed::{Damage, Kind, add_checksum, verify_checksum};
pub use directory::{OwnFiles, StateDir};
pub use error::StateError;
pub use lock::{holder, is_held};
pub use read::{is_set_aside, read_checked, read_only, read_only_in};
pub use remark::Remark;
pub(crate) use storage::{Pending, Storage};
pub use write::{UNFINISHED, replace_public, write_atomic, write_checksummed};

/// The default state directory.
pub const DEFAULT_DIRECTORY: &str = "/var/lib/d365";

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::Scratch;
