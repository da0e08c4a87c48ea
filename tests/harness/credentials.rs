//! The user and the capabilities of a child: `nobody`, with no capability or with a chosen few, as a systemd
//! unit would start it.

use std::{io, os::unix::process::CommandExt as _, path::Path, process::Command};

use nix::{
    errno::Errno,
    libc,
    sys::prctl,
    unistd::{Gid, Uid, chown, setgroups, setresgid, setresuid},
};

/// Numbers of capabilities (`linux/capability.h`).
pub mod capability {
    /// `CAP_NET_ADMIN`
    pub const NET_ADMIN: u32 = 12;
    /// `CAP_SYS_RESOURCE`
    pub const SYS_RESOURCE: u32 = 24;
    /// `CAP_PERFMON`
    pub const PERFMON: u32 = 38;
    /// `CAP_BPF`
    pub const BPF: u32 = 39;
}

/// The user and group id of `nobody` on Debian.
const NOBODY: u32 = 65534;

/// `_LINUX_CAPABILITY_VERSION_3`: sets of 64 bits in two halves.
const VERSION: u32 = 0x2008_0522;

/// Makes the program run as `nobody`, without supplementary groups, with these capabilities and no others.
pub(crate) fn become_nobody(command: &mut Command, capabilities: &[u32]) {
    let capabilities = capabilities.to_vec();
    let change = move || {
        let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
        prctl::set_keepcaps(true)?;
        setgroups(&[])?;
        setresgid(group, group, group)?;
        setresuid(user, user, user)?;
        keep(&capabilities)
    };
    // SAFETY: the closure makes system calls only; it neither allocates nor takes a lock.
    unsafe {
        command.pre_exec(change);
    }
}

/// Makes `nobody` the owner of a directory.
pub(crate) fn give_to_nobody(directory: &Path) -> io::Result<()> {
    Ok(chown(directory, Some(Uid::from_raw(NOBODY)), Some(Gid::from_raw(NOBODY)))?)
}

/// Reduces all sets to these capabilities, and keeps them across `execve` (the ambient set).
fn keep(capabilities: &[u32]) -> io::Result<()> {
    // Each half has an effective, a permitted and an inheritable set.
    let mut halves = [[0_u32; 3]; 2];
    for capability in capabilities {
        let half = &mut halves[usize::from(*capability >= 32)];
        half.iter_mut().for_each(|set| *set |= 1 << (capability % 32));
    }
    // The version, and the calling thread.
    let header = [VERSION, 0];
    // SAFETY: both pointers lead to live values of the layout that version 3 requires.
    Errno::result(unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), halves.as_ptr()) })?;
    for capability in capabilities {
        let raise = libc::PR_CAP_AMBIENT_RAISE.cast_unsigned();
        // SAFETY: this prctl takes numbers only.
        Errno::result(unsafe { libc::prctl(libc::PR_CAP_AMBIENT, raise, *capability, 0, 0) })?;
    }
    Ok(())
}
