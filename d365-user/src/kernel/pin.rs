//! Pins the counters' maps to a bpffs, so that they outlive a daemon that dies; and opens what an earlier one pinned.
//!
//! Only counters are pinned, never a program or its link: a dead daemon leaves an interface without a program. What is
//! found is believed only when it has the shape that this daemon would have made, in a directory that nobody else may write to.

mod error;
mod place;
mod shape;

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use aya::maps::{MapData, MapError};
use d365_common::{
    counter::{CLASS_ROW, rows},
    names,
};

pub use self::{error::PinError, shape::Shape};
use super::{counters::Counters, requirements::is_bpffs};

/// The maps' ids in the kernel: no two maps have had one id since the machine started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CounterIds {
    /// Of `RANGE_COUNTERS`.
    pub ranges: u32,
    /// Of `CLASS_COUNTERS`.
    pub classes: u32,
}

impl Counters {
    /// Pins both maps in `directory` as `RANGE_COUNTERS-<owner>` and `CLASS_COUNTERS-<owner>`, in the place of what
    /// the same owner pinned before: each name is at any time the old map or the new one. The directory is made if
    /// its parent is on a bpffs. Of the owner, what is neither a letter nor a digit, `-` or `_` becomes `%` and
    /// its code: the kernel takes no dots in a pin's name.
    ///
    /// # Errors
    /// [`PinError`]; counting goes on. [`PinError::Refused`] where somebody else may write to the directory.
    pub fn pin(&self, directory: &Path, owner: &str) -> Result<(), PinError> {
        make(directory)?;
        place::check(directory)?;
        for (name, map) in self.maps() {
            let path = path(directory, name, owner);
            let new = beside(&path);
            remove(&new)?;
            map.pin(&new).map_err(|source| PinError::Pin { path: new.clone(), source })?;
            let failed = |source| PinError::Path { what: "replace", path: path.clone(), source };
            fs::rename(&new, &path).map_err(failed)?;
        }
        Ok(())
    }

    /// Opens what `owner` pinned in `directory` and nobody has removed; `None` when there is nothing. They are to be
    /// the counters of so many interfaces, of `capacity` slots each.
    ///
    /// # Errors
    /// [`PinError::Mismatch`] when they are not; [`PinError::Half`], [`PinError::Open`]; [`PinError::Refused`] where somebody
    /// else may write to the directory.
    pub fn pinned(
        directory: &Path,
        owner: &str,
        interfaces: u32,
        capacity: u32,
    ) -> Result<Option<(CounterIds, Self)>, PinError> {
        if !is_there(directory) {
            return Ok(None);
        }
        place::check(directory)?;
        let paths = [names::RANGE_COUNTERS, names::CLASS_COUNTERS].map(|name| path(directory, name, owner));
        let [ranges, classes] = &paths;
        match (open(ranges)?, open(classes)?) {
            (None, None) => Ok(None),
            (Some(_), None) => Err(PinError::Half { present: ranges.clone(), missing: classes.clone() }),
            (None, Some(_)) => Err(PinError::Half { present: classes.clone(), missing: ranges.clone() }),
            (Some(range_map), Some(class_map)) => {
                let rows = rows(interfaces);
                let ids = CounterIds {
                    ranges: check(ranges, &range_map, Shape::counters(rows.saturating_mul(capacity)))?,
                    classes: check(classes, &class_map, Shape::counters(rows * CLASS_ROW))?,
                };
                Ok(Some((ids, Self::of(range_map, class_map, ids, rows, capacity))))
            }
        }
    }
}

/// Removes what `owner` pinned in `directory`, if there is anything. The directory stays.
///
/// # Errors
/// [`PinError::Path`] for the first pin that cannot be removed; [`PinError::Refused`] as for [`Counters::pin`].
pub fn unpin(directory: &Path, owner: &str) -> Result<(), PinError> {
    if !is_there(directory) {
        return Ok(());
    }
    place::check(directory)?;
    for name in [names::RANGE_COUNTERS, names::CLASS_COUNTERS] {
        let path = path(directory, name, owner);
        remove(&beside(&path))?;
        remove(&path)?;
    }
    Ok(())
}

/// The map's id in the kernel.
pub(super) fn id(map: &MapData) -> Result<u32, MapError> {
    Ok(Shape::of(map)?.0)
}

/// Makes the directory, for this user alone, unless it is there.
fn make(directory: &Path) -> Result<(), PinError> {
    let parent = directory.parent().filter(|_| !directory.exists()).unwrap_or(directory);
    if !is_bpffs(parent) {
        return Err(PinError::NoBpffs { path: parent.to_owned() });
    }
    match fs::DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map_err(|source| PinError::Path { what: "make", path: directory.to_owned(), source }),
    }
}

/// Returns false if there is no such directory. One that cannot be looked at is [checked](place::check).
fn is_there(directory: &Path) -> bool {
    let found = fs::symlink_metadata(directory);
    !found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

fn path(directory: &Path, name: &str, owner: &str) -> PathBuf {
    let mut file = format!("{name}-");
    for byte in owner.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' => file.push(byte.into()),
            _ => file.push_str(&format!("%{byte:02X}")),
        }
    }
    directory.join(file)
}

/// Where a pin stands until it takes its name; no owner's name has this sign.
fn beside(path: &Path) -> PathBuf {
    let mut new = path.as_os_str().to_owned();
    new.push("+new");
    new.into()
}

fn remove(path: &Path) -> Result<(), PinError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(|source| PinError::Path { what: "remove", path: path.to_owned(), source }),
    }
}

fn open(path: &Path) -> Result<Option<MapData>, PinError> {
    match MapData::from_pin(path) {
        Ok(map) => Ok(Some(map)),
        Err(MapError::SyscallError(error)) if error.io_error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(PinError::Open { path: path.to_owned(), source }),
    }
}

fn check(path: &Path, map: &MapData, expected: Shape) -> Result<u32, PinError> {
    let (id, found) = Shape::of(map).map_err(|source| PinError::Open { path: path.to_owned(), source })?;
    if found == expected {
        Ok(id)
    } else {
        Err(PinError::Mismatch { path: path.to_owned(), found, expected })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_owner_makes_a_name_that_the_kernel_refuses_or_another_has() {
        let name = |owner| path(Path::new("/b"), "M", owner).display().to_string();
        assert_eq!(name("eth0-mail_1"), "/b/M-eth0-mail_1");
        assert_eq!(name("eth0.100"), "/b/M-eth0%2E100");
        assert_eq!(name("../x+new%"), "/b/M-%2E%2E%2Fx%2Bnew%25");
    }

    #[test]
    fn without_a_bpffs_nothing_is_made_and_the_message_says_how_to_mount_one() {
        let directory = std::env::temp_dir().join(format!("d365-no-bpffs-{}", std::process::id()));
        let message = make(&directory).unwrap_err().to_string();
        let parent = std::env::temp_dir();
        assert!(
            message.starts_with(&format!("no bpffs at {}; `mount -t bpf bpf", parent.display())),
            "{message}"
        );
        assert!(!directory.exists());
    }
}
