//! The part of a machine's file system that is the same for all kernels: programs that tests call, the
//! libraries that these are linked with, and the script that the machine starts.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::{cpio, kernel};
use crate::{cargo, command};

/// This machine's programs that tests call; busybox provides the rest.
const PROGRAMS: [&str; 13] = [
    "dash",
    "ip",
    "tc",
    "ss",
    "nft",
    "bpftool",
    "ethtool",
    "xdp-loader",
    "xdp-filter",
    "stat",
    "unshare",
    "nsenter",
    "modprobe",
];
/// Programs that tests call but that take too much room. Tests that need them do not run.
pub(super) const LACKING: &str =
    "promtool,postfix,rspamd,swaks,tcpdump,mail-programs,filter-programs,overlay,mkfs.ext4";
/// Objects that xdp-tools load.
const XDP_OBJECTS: &str = "/usr/lib/x86_64-linux-gnu/bpf";

/// Builds the base in `dir` every time, because its parts may have changed. Returns its archive.
pub(super) fn make(dir: &Path) -> Result<PathBuf> {
    let _ = fs::remove_dir_all(dir);
    for part in
        ["bin", "etc", "proc", "sys", "dev", "run", "tmp", "mnt", "root", "var/lib", "usr", "lib/modules"]
    {
        fs::create_dir_all(dir.join(part)).with_context(|| format!("cannot make {}", dir.display()))?;
    }
    for link in ["sbin", "usr/bin", "usr/sbin"] {
        symlink("/bin", dir.join(link))?;
    }
    busybox(dir)?;
    PROGRAMS.iter().try_for_each(|program| bring(program, dir))?;
    fs::remove_file(dir.join("bin/sh"))?;
    symlink("dash", dir.join("bin/sh"))?;
    let mut copy = Command::new("cp");
    command::run(copy.args(["--recursive", "--dereference", "--parents", XDP_OBJECTS]).arg(dir))?;
    fs::write(dir.join("etc/passwd"), "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")?;
    fs::write(dir.join("etc/group"), "root:x:0:\nnogroup:x:65534:\n")?;
    fs::write(dir.join("etc/hosts"), "127.0.0.1 localhost\n::1 localhost\n")?;
    let init = include_str!("init.sh").replace("@MODULES@", kernel::MODULES);
    fs::write(dir.join("init"), init)?;
    fs::set_permissions(dir.join("init"), fs::Permissions::from_mode(0o755))?;

    let archive = dir.with_extension("cpio");
    cpio::pack(dir, &archive)?;
    Ok(archive)
}

/// Busybox, under the name of each of its programs.
fn busybox(dir: &Path) -> Result<()> {
    let busybox = cargo::find("busybox")?;
    fs::copy(&busybox, dir.join("bin/busybox"))?;
    let names = command::stdout(Command::new(&busybox).arg("--list"))?;
    for name in names.lines().filter(|name| *name != "busybox") {
        symlink("busybox", dir.join("bin").join(name))?;
    }
    Ok(())
}

/// Copies a program of this machine to `bin`, and its libraries to the paths that they have here.
fn bring(program: &str, dir: &Path) -> Result<()> {
    let found = cargo::find(program)?;
    let target = dir.join("bin").join(program);
    let _ = fs::remove_file(&target);
    fs::copy(&found, &target).with_context(|| format!("cannot copy {}", found.display()))?;
    let libraries = command::stdout(Command::new("ldd").arg(&found))?;
    let libraries = libraries.split_whitespace().filter(|word| word.starts_with('/'));
    command::run(Command::new("cp").args(["--dereference", "--parents"]).args(libraries).arg(dir))
}
