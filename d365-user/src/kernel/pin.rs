//! Pins the counters' maps to a bpffs, so that they outlive a daemon that dies, and opens the maps that an
//! earlier daemon pinned.
//!
//! The daemon pins only counters, never a program or its link: a dead daemon leaves no program on an
//! interface. It trusts a pinned map only if the map has the shape that this daemon would create, in a
//! directory that nobody else may write to.

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

pub use self::error::PinError;
use self::shape::Shape;
use super::{
    counters::{CounterIds, Counters},
    requirements::is_bpffs,
};

impl Counters {
    /// Pins both maps in `directory` as `RANGE_COUNTERS-<owner>` and `CLASS_COUNTERS-<owner>`. They replace
    /// earlier pins of the same owner: at any time, each name refers to the old map or to the new one.
    /// Creates the directory if its parent is on a bpffs. In the names, each byte of `owner` that is not a
    /// letter, a digit, `-` or `_` is written as `%` and its code in hexadecimal: the kernel accepts no dots
    /// in a pin's name.
    ///
    /// # Errors
    /// [`PinError`]; counting continues. [`PinError::Refused`] if somebody else may write to the directory.
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

    /// Opens the maps that `owner` pinned in `directory`; `None` if neither exists. They must be the counters
    /// of `interfaces` interfaces with `capacity` slots each.
    ///
    /// # Errors
    /// [`PinError::Mismatch`] if they are not; [`PinError::Half`] if one of them is missing;
    /// [`PinError::Open`] if one cannot be opened; [`PinError::Refused`] if somebody else may write to the
    /// directory.
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

/// Removes the pins of `owner` in `directory`, if there are any. The directory stays.
///
/// # Errors
/// [`PinError::Path`] for the first pin that cannot be removed; [`PinError::Refused`] as for
/// [`Counters::pin`].
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

/// Creates the directory for this user alone, unless it exists.
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

/// Returns false if the directory does not exist. If it cannot be read, returns true, and the
/// [check](place::check) fails.
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

/// The path of a new pin until it replaces the old one. No owner's name contains a `+`.
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
