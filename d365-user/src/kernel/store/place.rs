//! Checks that a directory of pins is the daemon's own: only root and the daemon's user may exchange the
//! directory, its pins, or a directory above it on the bpffs. This module changes nothing.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf, absolute},
};

use nix::unistd::geteuid;

use super::error::StoreError;
use crate::state::{Writer, other_writers};

/// Permission bit of a directory in which only the owner of a file may rename or remove it. A bpffs has it by
/// default.
const STICKY: u32 = 0o1000;

/// Checks the directory, which must exist.
///
/// # Errors
/// [`StoreError::Refused`] for the first component that another user could exchange, or that is a symbolic
/// link. [`StoreError::Path`] if a component cannot be read.
pub(super) fn check(directory: &Path) -> Result<(), StoreError> {
    let failed = |path: &Path, source| StoreError::Path { what: "look at", path: path.to_owned(), source };
    let refused = |path: &Path, why: String| Err(StoreError::Refused { path: path.to_owned(), why });
    let whole = absolute(directory).map_err(|source| failed(directory, source))?;
    let device = fs::symlink_metadata(&whole).map_err(|source| failed(&whole, source))?.dev();
    let mut components: Vec<PathBuf> = whole.ancestors().map(Path::to_owned).collect();
    components.reverse();
    for path in components {
        let found = fs::symlink_metadata(&path).map_err(|source| failed(&path, source))?;
        if !found.is_dir() {
            return refused(&path, "is a symbolic link, or no directory".to_owned());
        }
        // Directories above the mount belong to the machine and are not checked.
        if found.dev() != device {
            continue;
        }
        let is_sticky = path != whole && found.permissions().mode() & STICKY != 0;
        let others = other_writers(&found, geteuid().as_raw());
        let may_exchange = |writer: &&Writer| !is_sticky || matches!(writer, Writer::Owner(_));
        if let Some(writer) = others.iter().find(may_exchange) {
            return refused(&path, format!("may be written to by {writer}"));
        }
    }
    Ok(())
}
