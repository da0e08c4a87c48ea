//! The file systems that a child sees: a mount namespace of its own, with a bpffs, with parts hidden, or with
//! another root.
//!
//! A descriptor of this process holds the namespace. Its mounts, including a bpffs and the pins on it, are
//! gone with the last holder. This module never changes the mounts of the process itself.

use std::{fs::File, os::unix::process::CommandExt as _, process::Command, sync::Arc};

use anyhow::{Context as _, Result};
use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, setns, unshare},
};

use crate::netns::{self, Netns};

/// The mount point of [`Mount::SmallDisk`]. Any directory works, because only the view shows the mount.
pub const SMALL_DISK: &str = "/mnt";

/// One difference between a view and the system's own mounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mount {
    /// A new `/sys`, so that `/sys/class/net` shows the interfaces of the network namespace. It must come
    /// first, because it hides the mounts below it.
    Sysfs,
    /// An empty bpffs on `/sys/fs/bpf`.
    Bpffs,
    /// Nothing on `/sys/fs/bpf` (an empty tmpfs).
    HideBpffs,
    /// Nothing in `/sys/kernel/btf` (an empty tmpfs): a kernel without BTF.
    HideBtf,
    /// A small disk at [`SMALL_DISK`] (an empty tmpfs) that a test can fill.
    SmallDisk,
    /// An empty `/run` (a tmpfs): the lock files of xdp-tools are the view's own.
    EmptyRun,
}

impl Mount {
    pub(crate) fn apply(self) -> Result<()> {
        let (kind, target) = match self {
            Self::Sysfs => ("sysfs", "/sys"),
            Self::Bpffs => ("bpf", "/sys/fs/bpf"),
            Self::HideBpffs => ("tmpfs", "/sys/fs/bpf"),
            Self::HideBtf => ("tmpfs", "/sys/kernel/btf"),
            Self::EmptyRun => ("tmpfs", "/run"),
            Self::SmallDisk => ("tmpfs", SMALL_DISK),
        };
        let size = (self == Self::SmallDisk).then_some("size=256k");
        mount(Some(kind), target, Some(kind), MsFlags::empty(), size)
            .with_context(|| format!("cannot mount {kind} on {target}"))
    }
}

/// A mount namespace. Clones share it, so that one child finds what another has pinned.
#[derive(Clone, Debug)]
pub struct View {
    namespace: Arc<File>,
}

impl View {
    /// Makes the view, as seen from `netns`, with these differences in this order.
    pub fn new(netns: &Netns, mounts: &[Mount]) -> Result<Self> {
        netns.run(|| Self::with(|| mounts.iter().try_for_each(|mount| mount.apply())))
    }

    /// Makes a view with the mounts of `build`, which runs on a thread of its own. No mount is visible
    /// outside.
    pub(crate) fn with(build: impl FnOnce() -> Result<()> + Send) -> Result<Self> {
        let make = || {
            // Also separates this thread's root and working directory from those of the process.
            unshare(CloneFlags::CLONE_NEWNS)
                .context("cannot make a mount namespace (needs CAP_SYS_ADMIN)")?;
            let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
            mount(None::<&str>, "/", None::<&str>, private, None::<&str>).context("cannot make / private")?;
            build()?;
            let namespace = File::open("/proc/thread-self/ns/mnt")?;
            Ok(Self { namespace: Arc::new(namespace) })
        };
        netns::apart(make)
    }

    /// Runs `body` on a thread of its own with the view and the caller's network namespace.
    pub fn run<T: Send>(&self, body: impl FnOnce() -> T + Send) -> T {
        netns::apart(|| {
            unshare(CloneFlags::CLONE_FS).expect("unshare");
            setns(&*self.namespace, CloneFlags::CLONE_NEWNS).expect("setns (needs CAP_SYS_ADMIN)");
            body()
        })
    }

    /// Gives the view to a program that is not yet started.
    pub fn give_to(&self, command: &mut Command) {
        let namespace = Arc::clone(&self.namespace);
        let enter = move || Ok(setns(&*namespace, CloneFlags::CLONE_NEWNS)?);
        // SAFETY: the closure makes one system call; it neither allocates nor takes a lock.
        unsafe {
            command.pre_exec(enter);
        }
    }
}
