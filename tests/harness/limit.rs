//! Limits of a process (`setrlimit(2)`): those that a daemon starts with, and changes while it runs.

use std::{io, os::unix::process::CommandExt as _, process::Command};

use anyhow::{Context as _, Result};
use nix::{
    errno::Errno,
    libc,
    sys::resource::{Resource, getrlimit, setrlimit},
};

/// A soft limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The resource.
    pub resource: Resource,
    /// The soft limit.
    pub soft: u64,
}

impl Limit {
    /// Sets the limit for a program that is not yet started.
    pub fn inflict_on(self, command: &mut Command) {
        let Self { resource, soft } = self;
        let limit = move || {
            let (_, hard) = getrlimit(resource)?;
            setrlimit(resource, soft, hard).map_err(io::Error::from)
        };
        // SAFETY: the closure makes two system calls; it neither allocates nor locks.
        unsafe {
            command.pre_exec(limit);
        }
    }

    /// Sets the limit for a running process. Returns the previous limit.
    pub fn set(self, pid: u32) -> Result<Self> {
        let pid = i32::try_from(pid)?;
        let mut old = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        let change = |new: *const libc::rlimit, old: *mut libc::rlimit| {
            // SAFETY: each pointer is null or leads to a live value of the type that the call takes.
            Errno::result(unsafe { libc::prlimit(pid, self.resource as _, new, old) })
                .with_context(|| format!("cannot change {self:?} of process {pid}"))
        };
        change(std::ptr::null(), &raw mut old)?;
        let new = libc::rlimit { rlim_cur: self.soft, rlim_max: old.rlim_max };
        change(&raw const new, std::ptr::null_mut())?;
        Ok(Self { soft: old.rlim_cur, ..self })
    }
}
