//! Explains why the kernel has no memory for a map: the memory limit of this process's control group (since
//! Linux 5.11), or the limit of locked memory (before 5.11). This module only reads.

use std::{
    error::Error,
    fs, io,
    path::{Path, PathBuf},
};

use aya::util::KernelVersion;
use nix::libc::{ENOMEM, EPERM};
use procfs::process::Process;

use super::{error::error_chain, requirements};

/// Since this version, maps count towards the control group's memory, and no longer towards the limit of
/// locked memory.
const BY_GROUP: (u8, u8) = (5, 11);
/// From this value on, a limit of cgroup version 1 means no limit: the kernel rounds the largest number down
/// to whole pages.
const NO_LIMIT: u64 = 1 << 62;

/// Formats an error and its causes in one line. If the kernel lacked memory, adds the limit that applies and
/// the next step.
pub(super) fn explained(error: &(dyn Error + 'static)) -> String {
    let code = causes(error).find_map(|cause| cause.downcast_ref::<io::Error>()?.raw_os_error());
    let advice = match code {
        Some(ENOMEM) => limit().map_or_else(
            || "; the kernel has no memory for it: lower --max-pages or --max-ranges".to_owned(),
            |limit| limit.to_string(),
        ),
        // The map exceeds the limit of locked memory.
        Some(EPERM) => locked().unwrap_or_default(),
        _ => String::new(),
    };
    format!("{}{advice}", error_chain(error))
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// Describes the limit of locked memory, if one applies.
fn locked() -> Option<String> {
    let version = KernelVersion::current().ok()?;
    if version >= KernelVersion::new(BY_GROUP.0, BY_GROUP.1, 0) {
        return None;
    }
    let limit = requirements::memlock().ok()??;
    Some(format!(
        "; before Linux 5.11 maps count as locked memory, of which this process may have {} KiB: grant CAP_SYS_RESOURCE or \
         raise the limit (LimitMEMLOCK=infinity in a unit), or lower --max-pages or --max-ranges",
        limit / 1024
    ))
}

/// A control group's memory limit.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Limit {
    /// The group's path in its hierarchy.
    group: String,
    /// The file that sets the limit.
    file: &'static str,
    bytes: u64,
    used: Option<u64>,
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { group, file, bytes, used } = self;
        write!(f, "; control group {group} may have {} KiB of memory ({file})", bytes / 1024)?;
        if let Some(used) = used {
            write!(f, " and has {} KiB", used / 1024)?;
        }
        f.write_str(": raise that (MemoryMax= in a unit), or lower --max-pages or --max-ranges")
    }
}

/// The mount of a hierarchy of control groups, and this process's group in it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    mount: PathBuf,
    /// The group at the mount point.
    root: String,
    group: String,
    is_unified: bool,
}

/// Returns the lowest limit of this process's group and the groups above it.
fn limit() -> Option<Limit> {
    let process = Process::myself().ok()?;
    let groups = process.cgroups().ok()?;
    let mounts = process.mountinfo().ok()?;
    let by_controller = groups.0.iter().find(|group| group.controllers.iter().any(|name| name == "memory"));
    let group = by_controller.or_else(|| groups.0.iter().find(|group| group.hierarchy == 0))?;
    let is_unified = by_controller.is_none();
    let mount = mounts.iter().find(|mount| match is_unified {
        true => mount.fs_type == "cgroup2",
        false => mount.fs_type == "cgroup" && mount.super_options.contains_key("memory"),
    })?;
    let (mount, root) = (mount.mount_point.clone(), mount.root.clone());
    lowest(&Place { mount, root, group: group.pathname.clone(), is_unified })
}

fn lowest(place: &Place) -> Option<Limit> {
    let [file, usage] = if place.is_unified {
        ["memory.max", "memory.current"]
    } else {
        ["memory.limit_in_bytes", "memory.usage_in_bytes"]
    };
    let below = Path::new(&place.group).strip_prefix(&place.root).ok()?;
    let limits = below.ancestors().filter_map(|below| {
        let directory = place.mount.join(below);
        let number = |file| fs::read_to_string(directory.join(file)).ok()?.trim().parse::<u64>().ok();
        let bytes = number(file).filter(|bytes| *bytes < NO_LIMIT)?;
        let group = Path::new(&place.root).join(below).display().to_string();
        Some(Limit { group, file, bytes, used: number(usage) })
    });
    limits.min_by_key(|limit| limit.bytes)
}

#[cfg(test)]
mod tests {
    use aya::{maps::MapError, sys::SyscallError};

    use super::*;

    /// A directory of one test. Dropping this value removes it.
    struct Directory(PathBuf);

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn tree(name: &str, files: &[(&str, &str)]) -> Directory {
        let directory = Directory(std::env::temp_dir().join(format!("d365-{name}-{}", std::process::id())));
        for (path, text) in files {
            let path = directory.0.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        directory
    }

    #[test]
    fn the_lowest_limit_of_all_groups_above_counts() {
        let unified = tree(
            "unified",
            &[
                ("system.slice/memory.max", "50331648\n"),
                ("system.slice/memory.current", "1048576\n"),
                ("system.slice/d365.service/memory.max", "max\n"),
                ("system.slice/d365.service/memory.current", "4096\n"),
            ],
        );
        let mut place = Place {
            mount: unified.0.clone(),
            root: "/".to_owned(),
            group: "/system.slice/d365.service".to_owned(),
            is_unified: true,
        };
        let limit = lowest(&place).unwrap();
        assert_eq!((limit.group.as_str(), limit.bytes), ("/system.slice", 48 << 20));
        let said = limit.to_string();
        assert!(
            said.contains("/system.slice may have 49152 KiB of memory (memory.max) and has 1024 KiB"),
            "{said}"
        );
        fs::write(unified.0.join("system.slice/d365.service/memory.max"), "4096000").unwrap();
        assert_eq!(lowest(&place).unwrap().group, "/system.slice/d365.service");
        place.is_unified = false;
        assert_eq!(lowest(&place), None);
    }

    #[test]
    fn a_container_sees_its_part_of_a_hierarchy_of_version_1() {
        let none = "9223372036854771712\n";
        let tree =
            tree("one", &[("memory.limit_in_bytes", "1000000\n"), ("daemon/memory.limit_in_bytes", none)]);
        let (root, group) = ("/docker/1".to_owned(), "/docker/1/daemon".to_owned());
        let place = Place { mount: tree.0.clone(), root, group, is_unified: false };
        let limit = lowest(&place).unwrap();
        assert_eq!(
            (limit.group.as_str(), limit.file, limit.bytes),
            ("/docker/1/", "memory.limit_in_bytes", 1_000_000)
        );
    }

    #[test]
    fn only_a_lack_of_memory_is_explained() {
        let explained = |code| {
            let io_error = io::Error::from_raw_os_error(code);
            explained(&MapError::SyscallError(SyscallError { call: "bpf_map_create", io_error }))
        };
        let lack = explained(ENOMEM);
        assert!(
            lack.contains("(os error 12); ") && lack.contains("lower --max-pages or --max-ranges"),
            "{lack}"
        );
        assert!(!explained(nix::libc::EINVAL).contains("--max-pages"));
    }
}
