//! Who may write into the state directory, and thereby approve: besides root and the daemon's own user nobody should.

use std::{
    fmt, fs, io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
};

/// Somebody who may write into a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// Its owner, a user id.
    Owner(u32),
    /// Its group, a group id; or whoever an access control list names, which shows in the same bits.
    Group(u32),
    /// Everybody.
    Everybody,
}

impl fmt::Display for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner(id) => write!(f, "user {id}"),
            Self::Group(id) => write!(f, "group {id}"),
            Self::Everybody => f.write_str("everybody"),
        }
    }
}

/// Who may write into `directory` besides root and the user with this id. Directories above it are not looked at.
///
/// # Errors
/// When it cannot be looked at.
pub fn other_writers(directory: &Path, user: u32) -> io::Result<Vec<Writer>> {
    let found = fs::metadata(directory)?;
    let mode = found.permissions().mode();
    let owner = (found.uid() != 0 && found.uid() != user).then_some(Writer::Owner(found.uid()));
    let group = (mode & 0o020 != 0).then_some(Writer::Group(found.gid()));
    let everybody = (mode & 0o002 != 0).then_some(Writer::Everybody);
    Ok([owner, group, everybody].into_iter().flatten().collect())
}
