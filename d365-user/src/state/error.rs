//! The errors of the state directory.

use std::{io, path::PathBuf};

use super::checksummed::Damage;

/// An error in the state directory. No file is lost by it.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum StateError {
    #[error(
        "cannot use the state directory {path}: {cause}; create it for the daemon's user, or name another with --state-dir",
        path = path.display()
    )]
    Directory { path: PathBuf, cause: io::Error },
    #[error(
        "the state directory {path} is in use by another d365-user{}; stop that one, or name another with --state-dir",
        process(holder),
        path = path.display()
    )]
    InUse { path: PathBuf, holder: Option<u32> },
    /// A file cannot be written or removed. The previous file is unchanged, with the exception that
    /// [`write_atomic`](super::write_atomic) names.
    #[error("cannot write {path}: {cause}; what was there before is kept; check space and permissions", path = path.display())]
    Write { path: PathBuf, cause: io::Error },
    /// A file would be larger than its reader accepts. The previous file is unchanged.
    #[error(
        "{path} would have {bytes} bytes, and at most {limit} are read: it is not written, and what was there before is \
         kept; name fewer sources, or lower --max-ranges",
        path = path.display()
    )]
    TooLarge { path: PathBuf, bytes: u64, limit: u64 },
    /// A file is damaged.
    #[error("{path} is damaged: {damage}; {}", placed(.set_aside), path = path.display())]
    Damaged { path: PathBuf, damage: Damage, set_aside: Option<PathBuf> },
    #[error(
        "the state directory {path} does not answer; look at its disk or server (dmesg, a frozen file system)",
        path = path.display()
    )]
    Hung { path: PathBuf },
    #[error("working in {path} failed unexpectedly; please report it with the line before in the log", path = path.display())]
    Unexpected { path: PathBuf },
    #[error("cannot read {path}: {cause}; check its permissions", path = path.display())]
    Read { path: PathBuf, cause: io::Error },
}

fn placed(set_aside: &Option<PathBuf>) -> String {
    set_aside.as_ref().map_or_else(
        || "it cannot be moved out of the way, remove it".to_owned(),
        |path| format!("it is now {}", path.display()),
    )
}

fn process(holder: &Option<u32>) -> String {
    holder.map(|process| format!(" (process {process})")).unwrap_or_default()
}
