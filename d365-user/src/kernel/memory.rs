//! Explains why the kernel has no memory for a map: the memory limit of this process's control group (since
//! Linux 5.11), or the limit of locked memory (before 5.11). This module only reads.

use std::{error::Error, fs, io, path::Path};

use aya::util::KernelVersion;
use nix::libc::{ENOMEM, EPERM};
use procfs::process::Process;

use super::{error::error_chain, requirements};

/// Since this version, maps count towards the control group's memory, and no longer towards the limit of
/// locked memory.
const BY_GROUP: KernelVersion = KernelVersion::new(5, 11, 0);
/// From this value on, a limit of cgroup version 1 means no limit: the kernel rounds the largest number down
/// to whole pages.
const NO_LIMIT: u64 = 1 << 62;

/// Formats an error and its causes in one line. If the kernel lacked memory, adds the limit that applies and
/// the next step.
pub(super) fn explained(error: &(dyn Error + 'static)) -> String {
    let code = causes(error).find_map(|cause| cause.downcast_ref::<io::Error>()?.raw_os_error());
    let advice = match code {
        Some(ENOMEM) => limit().unwrap_or_else(|| {
            "; the kernel has no memory for it: lower --max-pages or --max-ranges".to_owned()
        }),
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
    if KernelVersion::current().ok()? >= BY_GROUP {
        return None;
    }
    let limit = requirements::memlock().ok()??;
    Some(format!(
        "; before Linux 5.11 maps count as locked memory, of which this process may have {} KiB: grant CAP_SYS_RESOURCE or \
         raise the limit (LimitMEMLOCK=infinity in a unit), or lower --max-pages or --max-ranges",
        limit / 1024
    ))
}

/// Describes the lowest memory limit of this process's group and the groups above it.
fn limit() -> Option<String> {
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
    lowest(&mount.mount_point, &mount.root, &group.pathname, is_unified)
}

/// Describes the lowest memory limit of `group` and the groups above it, in the hierarchy that is mounted at
/// `mount`. `root` is the group at the mount point.
fn lowest(mount: &Path, root: &str, group: &str, is_unified: bool) -> Option<String> {
    let [file, usage] = if is_unified {
        ["memory.max", "memory.current"]
    } else {
        ["memory.limit_in_bytes", "memory.usage_in_bytes"]
    };
    let below = Path::new(group).strip_prefix(root).ok()?;
    let number = |below: &Path, file| {
        fs::read_to_string(mount.join(below).join(file)).ok()?.trim().parse::<u64>().ok()
    };
    let limit = |below| Some((number(below, file).filter(|bytes| *bytes < NO_LIMIT)?, below));
    let (bytes, below) = below.ancestors().filter_map(limit).min_by_key(|(bytes, _)| *bytes)?;
    let used = number(below, usage).map(|used| format!(" and has {} KiB", used / 1024));
    Some(format!(
        "; control group {} may have {} KiB of memory ({file}){}: raise that (MemoryMax= in a unit), or lower \
         --max-pages or --max-ranges",
        Path::new(root).join(below).display(),
        bytes / 1024,
        used.unwrap_or_default()
    ))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

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
        let lowest = |is_unified| lowest(&unified.0, "/", "/system.slice/d365.service", is_unified);
        let limit = lowest(true).unwrap();
        assert!(
            limit.contains(" /system.slice may have 49152 KiB of memory (memory.max) and has 1024 KiB: "),
            "{limit}"
        );
        fs::write(unified.0.join("system.slice/d365.service/memory.max"), "4096000").unwrap();
        let limit = lowest(true).unwrap();
        assert!(limit.contains(" /system.slice/d365.service may have 4000 KiB "), "{limit}");
        assert_eq!(lowest(false), None);
    }

    #[test]
    fn a_container_sees_its_part_of_a_hierarchy_of_version_1() {
        let none = "9223372036854771712\n";
        let tree =
            tree("one", &[("memory.limit_in_bytes", "1000000\n"), ("daemon/memory.limit_in_bytes", none)]);
        let limit = lowest(&tree.0, "/docker/1", "/docker/1/daemon", false).unwrap();
        assert!(
            limit.contains(" /docker/1/ may have 976 KiB of memory (memory.limit_in_bytes): "),
            "{limit}"
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
