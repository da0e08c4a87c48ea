//! The files of a private root: the unpacked packages, and the programs and libraries of this machine. It
//! contains nothing else.
//!
//! Nothing of this machine's `/etc`, `/var`, `/run`, `/dev` or `/usr/local` is visible. An installed mail
//! server, its users and its queue are not part of the root.

use std::{
    fs,
    io::Result as IoResult,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::Command,
};

use anyhow::{Context as _, Result};
use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    unistd::pivot_root,
};

use crate::command;

/// The directory in which the root is assembled; it is visible in the mount namespace only.
pub(super) const WORKSHOP: &str = "/mnt";

/// Directories of `/usr` that show this machine's files behind those of the packages.
const SHARED: [&str; 6] = ["bin", "sbin", "lib", "lib64", "libexec", "share"];

/// Devices that programs of a mail server open. There is no `/dev/log`, because it would be this machine's.
const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];

/// Files of `/etc` in addition to those of the packages. Names are looked up in these files only.
const FILES: [(&str, &str); 7] = [
    ("passwd", "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n"),
    ("group", "root:x:0:\nnogroup:x:65534:\n"),
    (
        "nsswitch.conf",
        "passwd: files\ngroup: files\nhosts: files\nservices: files\nprotocols: files\nnetworks: files\n",
    ),
    ("hosts", "127.0.0.1 localhost\n::1 localhost\n"),
    ("resolv.conf", ""),
    ("services", "smtp 25/tcp mail\ndomain 53/udp\nsubmission 587/tcp\n"),
    ("protocols", "ip 0 IP\ntcp 6 TCP\nudp 17 UDP\n"),
];

/// Assembles the root at [`WORKSHOP`] from the packages that are unpacked in `packages`.
pub(super) fn assemble(packages: &Path) -> Result<()> {
    let root = Path::new(WORKSHOP);
    tmpfs(root, "mode=755")?;
    copy_all_but_usr(packages, root).context("cannot copy the packages' files")?;
    lay_usr(packages, root)?;
    for directory in ["dev", "etc", "proc", "root", "run", "srv", "tmp", "var/lib", "var/log", "var/tmp"] {
        fs::create_dir_all(root.join(directory))?;
    }
    for open in ["tmp", "var/tmp"] {
        fs::set_permissions(root.join(open), fs::Permissions::from_mode(0o1777))?;
    }
    bind(Path::new("/proc"), &root.join("proc"))?;
    // Debian's names for programs that several packages provide, such as awk.
    copy(&[Path::new("/etc/alternatives")], &root.join("etc"))?;
    for (name, text) in FILES {
        fs::write(root.join("etc").join(name), text)?;
    }
    devices(&root.join("dev")).context("cannot make the private root's devices")
}

/// Makes `root`, on which something is mounted, the root of the calling thread's mount namespace.
pub(super) fn enter(root: &Path) -> Result<()> {
    std::env::set_current_dir(root)?;
    // The old root is then mounted over the new one, and is detached from there.
    pivot_root(".", ".").context("cannot enter the private root")?;
    umount2(".", MntFlags::MNT_DETACH).context("cannot leave this machine's root")?;
    Ok(())
}

/// Lays an empty layer over this machine's programs. Returns an error if the kernel has no overlays, or
/// rejects `/usr` as a layer.
pub(super) fn try_overlay() -> Result<()> {
    let root = Path::new(WORKSHOP);
    tmpfs(root, "mode=755")?;
    fs::create_dir(root.join("empty"))?;
    overlay(&root.join("empty"), Path::new("/usr/bin"), &root.join("empty"))
}

fn copy_all_but_usr(packages: &Path, root: &Path) -> Result<()> {
    let entries: IoResult<Vec<_>> = fs::read_dir(packages)?.map(|entry| Ok(entry?.path())).collect();
    let entries: Vec<_> = entries?.into_iter().filter(|path| !path.ends_with("usr")).collect();
    copy(&entries, root)
}

/// Copies files, directories and links; the copies belong to root.
fn copy(from: &[impl AsRef<Path>], into: &Path) -> Result<()> {
    let mut copy = Command::new("cp");
    copy.args(["--recursive", "--no-dereference", "--preserve=mode,links,timestamps", "--target-directory"]);
    command::output(copy.arg(into).args(from.iter().map(AsRef::as_ref)), None).map(drop)
}

fn lay_usr(packages: &Path, root: &Path) -> Result<()> {
    // Mounts the packages at another path, in which no character has a meaning in a mount option.
    let theirs = root.join("packages");
    fs::create_dir(&theirs)?;
    bind(packages, &theirs)?;
    for name in SHARED {
        let (ours, theirs) = (Path::new("/usr").join(name), theirs.join("usr").join(name));
        let shown = root.join("usr").join(name);
        if !ours.is_dir() {
            continue;
        }
        fs::create_dir_all(&shown)?;
        if theirs.is_dir() {
            overlay(&theirs, &ours, &shown)?;
        } else {
            bind(&ours, &shown)?;
        }
    }
    umount2(&theirs, MntFlags::MNT_DETACH)?;
    Ok(fs::remove_dir(&theirs)?)
}

fn devices(dev: &Path) -> Result<()> {
    for name in DEVICES {
        fs::write(dev.join(name), "")?;
        bind(&Path::new("/dev").join(name), &dev.join(name))?;
    }
    fs::create_dir(dev.join("shm"))?;
    fs::set_permissions(dev.join("shm"), fs::Permissions::from_mode(0o1777))?;
    for (number, name) in ["stdin", "stdout", "stderr"].into_iter().enumerate() {
        symlink(format!("/proc/self/fd/{number}"), dev.join(name))?;
    }
    Ok(symlink("/proc/self/fd", dev.join("fd"))?)
}

pub(super) fn tmpfs(target: &Path, options: &str) -> Result<()> {
    mount(Some("tmpfs"), target, Some("tmpfs"), MsFlags::empty(), Some(options))
        .with_context(|| format!("cannot mount a tmpfs on {}", target.display()))
}

pub(super) fn bind(from: &Path, to: &Path) -> Result<()> {
    let nothing = None::<&str>;
    mount(Some(from), to, nothing, MsFlags::MS_BIND | MsFlags::MS_REC, nothing)
        .with_context(|| format!("cannot show {} in the private root", from.display()))
}

/// Mounts both directories as one read-only directory. `upper`'s files hide those of `lower`.
fn overlay(upper: &Path, lower: &Path, target: &Path) -> Result<()> {
    let layers = format!("lowerdir={}:{}", upper.display(), lower.display());
    mount(Some("overlay"), target, Some("overlay"), MsFlags::MS_RDONLY, Some(layers.as_str()))
        .with_context(|| format!("cannot lay {} over {}", upper.display(), lower.display()))
}
