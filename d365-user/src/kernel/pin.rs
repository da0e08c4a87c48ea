//! Pins the counters' maps to a bpffs, so that they outlive a daemon that dies; and opens what an earlier one pinned.
//!
//! Only counters are pinned, never a program or its link: a dead daemon leaves an interface without a program. What is
//! found is believed only when it has the shape that this daemon would have made.

use std::{
    fmt, fs, io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use aya::maps::{MapData, MapError, MapType};
use d365_common::{
    counter::{Counter, rows},
    names,
    verdict::Class,
};

use super::{chain, counters::Counters, requirements::is_bpffs};

/// Bytes of an array map's key, a `u32`.
const INDEX: u32 = 4;

/// The maps' ids in the kernel: no two maps have had one id since the machine started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CounterIds {
    /// Of `RANGE_COUNTERS`.
    pub ranges: u32,
    /// Of `CLASS_COUNTERS`.
    pub classes: u32,
}

/// What a map is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    per_cpu_array: bool,
    key: u32,
    value: u32,
    entries: u32,
}

/// Why counters are not pinned, or not found again.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// There is no bpffs.
    #[error(
        "no bpffs at {path}; mount -t bpf bpf {path} (without it a crash of the daemon loses what was not saved)"
    )]
    NoBpffs {
        /// Where it should be.
        path: PathBuf,
    },
    /// The directory, or a pin in it, could not be made, replaced or removed.
    #[error("cannot {what} {path}: {source}; who pins needs write permission there")]
    Path {
        /// What was to be done.
        what: &'static str,
        /// The path.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// A map could not be pinned.
    #[error("cannot pin a map as {path}: {}", chain(.source))]
    Pin {
        /// The path.
        path: PathBuf,
        /// What aya or the kernel said.
        source: aya::pin::PinError,
    },
    /// A pin could not be opened.
    #[error("cannot open {path}: {}; if it is not this daemon's, remove it", chain(.source))]
    Open {
        /// The path.
        path: PathBuf,
        /// What aya or the kernel said.
        source: MapError,
    },
    /// What is pinned is not what this daemon would have made.
    #[error(
        "{path} is {found}, and should be {expected}: pinned with other interfaces or another --max-ranges; start          the daemon as before, or remove the pin and lose its counts"
    )]
    Mismatch {
        /// The path.
        path: PathBuf,
        /// What is there.
        found: Shape,
        /// What should be there.
        expected: Shape,
    },
    /// One of the two maps is pinned, and the other is not.
    #[error("{present} is there without {missing}; remove it")]
    Half {
        /// The pin that is there.
        present: PathBuf,
        /// The pin that is not.
        missing: PathBuf,
    },
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { per_cpu_array, key, value, entries } = self;
        let kind = if *per_cpu_array { "a per-CPU array" } else { "a map of another type" };
        write!(f, "{kind} of {entries} entries (key {key} bytes, value {value} bytes)")
    }
}

impl Shape {
    const fn counters(entries: u32) -> Self {
        Self { per_cpu_array: true, key: INDEX, value: Counter::SIZE, entries }
    }

    fn of(map: &MapData) -> Result<(u32, Self), MapError> {
        let info = map.info()?;
        let shape = Self {
            per_cpu_array: matches!(info.map_type(), Ok(MapType::PerCpuArray)),
            key: info.key_size(),
            value: info.value_size(),
            entries: info.max_entries(),
        };
        Ok((info.id(), shape))
    }
}

impl Counters {
    /// Pins both maps in `directory` as `RANGE_COUNTERS-<owner>` and `CLASS_COUNTERS-<owner>`, in the place of what
    /// the same owner pinned before: each name is at any time the old map or the new one. The directory is made if
    /// its parent is on a bpffs. Of the owner, what is neither a letter nor a digit, `-` or `_` becomes `%` and
    /// its code: the kernel takes no dots in a pin's name.
    ///
    /// # Errors
    /// [`PinError`]; counting goes on.
    pub fn pin(&self, directory: &Path, owner: &str) -> Result<(), PinError> {
        make(directory)?;
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
    /// [`PinError::Mismatch`] when they are not; [`PinError::Half`], [`PinError::Open`].
    pub fn pinned(
        directory: &Path,
        owner: &str,
        interfaces: u32,
        capacity: u32,
    ) -> Result<Option<(CounterIds, Self)>, PinError> {
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
                    classes: check(classes, &class_map, Shape::counters(rows * Class::COUNT))?,
                };
                Ok(Some((ids, Self::of(range_map, class_map, ids, rows, capacity))))
            }
        }
    }
}

/// Removes what `owner` pinned in `directory`, if there is anything. The directory stays.
///
/// # Errors
/// [`PinError::Path`] for the first pin that cannot be removed.
pub fn unpin(directory: &Path, owner: &str) -> Result<(), PinError> {
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
            message.starts_with(&format!("no bpffs at {}; mount -t bpf bpf", parent.display())),
            "{message}"
        );
        assert!(!directory.exists());
    }
}
