//! Finds the users who can write to a directory or a file, apart from root and the daemon's own user. A user
//! who can write to the state directory can approve changes. A user who can write a list can add to it.

use std::{
    fmt, fs, io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
};

/// Permission bit of a directory in which only the owners of files may rename or remove them.
const STICKY: u32 = 0o1000;

/// A user or a group that can write to a directory or a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// The owner, by user id.
    Owner(u32),
    /// The group, by group id. The same bits also stand for users and groups of an access control list.
    Group(u32),
    /// All users.
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

/// All who can write to `found`, apart from root and the user with this id.
#[must_use]
pub fn other_writers(found: &fs::Metadata, user: u32) -> Vec<Writer> {
    let mode = found.permissions().mode();
    let owner = (found.uid() != 0 && found.uid() != user).then_some(Writer::Owner(found.uid()));
    let group = (mode & 0o020 != 0).then_some(Writer::Group(found.gid()));
    let everybody = (mode & 0o002 != 0).then_some(Writer::Everybody);
    [owner, group, everybody].into_iter().flatten().collect()
}

/// The message about other writers of a list.
pub const LIST_WRITERS: &str = "others may write to the list or replace it, and so add ranges that are trusted at once; \
                                give the file and its directory to root or the daemon's user alone (chown, chmod go-w)";

/// All who can write to the file at `path` or replace it, apart from root and the user with this id. The
/// function examines the file, its directory, and the directory of the link that leads to it, but no
/// directory above those. The result is empty if `path` is not a regular file, for example a pipe.
///
/// # Errors
/// The system's error if one of them cannot be examined.
pub fn other_writers_of_file(path: &Path, user: u32) -> io::Result<Vec<Writer>> {
    let found = fs::metadata(path)?;
    if !found.is_file() {
        return Ok(Vec::new());
    }
    let mut writers = other_writers(&found, user);
    let target = fs::canonicalize(path)?;
    for directory in [path, &target].into_iter().filter_map(Path::parent) {
        let directory = if directory == Path::new("") { Path::new(".") } else { directory };
        let found = fs::metadata(directory)?;
        let is_sticky = found.permissions().mode() & STICKY != 0;
        let others = other_writers(&found, user);
        let may_replace =
            others.into_iter().filter(|writer| !is_sticky || matches!(writer, Writer::Owner(_)));
        writers.extend(may_replace);
    }
    writers.sort_by_key(ToString::to_string);
    writers.dedup();
    Ok(writers)
}
