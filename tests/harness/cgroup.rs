//! A control group of a test's own with a memory limit, in the hierarchy of either version.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context as _, Result};

/// The directories where Linux distributions mount the hierarchies, and the file that limits a group there.
const HIERARCHIES: [(&str, &str); 2] =
    [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")];

/// A control group. Dropping this value removes it when no process is in it any more.
#[derive(Debug)]
pub struct MemoryGroup(PathBuf);

impl MemoryGroup {
    /// Creates a group that may use this many bytes.
    pub fn new(bytes: u64) -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let (parent, file) = hierarchy().context("no hierarchy of control groups limits memory")?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let group = Self(parent.join(format!("d365-test-{}-{number}", std::process::id())));
        fs::create_dir(&group.0).with_context(|| format!("cannot make {}", group.0.display()))?;
        fs::write(group.0.join(file), bytes.to_string()).with_context(|| format!("cannot write {file}"))?;
        Ok(group)
    }

    /// The file that moves a process into the group when the process's number is written to it.
    pub fn processes(&self) -> PathBuf {
        self.0.join("cgroup.procs")
    }

    /// The group's name.
    pub fn name(&self) -> String {
        self.0.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        // A process that has just ended may still be in it.
        for _ in 0..100 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

/// Returns true if control groups that limit memory can be created.
pub(crate) fn limits_memory() -> bool {
    MemoryGroup::new(1 << 30).is_ok()
}

/// The directory below which a group with a memory limit can be created, and the file that sets this limit.
fn hierarchy() -> Option<(&'static Path, &'static str)> {
    HIERARCHIES.into_iter().map(|(parent, file)| (Path::new(parent), file)).find(|(parent, file)| {
        let controls = |file: &str| fs::read_to_string(parent.join(file));
        match *file {
            "memory.max" => controls("cgroup.subtree_control").is_ok_and(|list| list.contains("memory")),
            _ => !matches!(controls(file), Err(error) if error.kind() == io::ErrorKind::NotFound),
        }
    })
}
