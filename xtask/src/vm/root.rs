//! A Debian root file system with systemd, on a disk: mmdebstrap makes it, and a machine boots from it.
//!
//! It is the same for all kernels and all tests, so it has neither kernel nor daemon. No machine changes it:
//! each one writes into a copy of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use crate::{apt::private::KEYRING, command};

/// The releases of Debian: 12 has systemd 252, 13 has systemd 257.
pub(super) const SUITES: [&str; 2] = ["bookworm", "trixie"];
/// Packages in addition to the essential ones and apt: systemd, and the programs that tests call.
const PACKAGES: &str = "systemd-sysv,dbus,iproute2,nftables,bpftool,kmod,passwd";
/// Files that no test reads.
const LEFT_OUT: [&str; 3] = ["doc", "locale", "man"];
/// Commands in the new root. `systemd-firstboot` would ask, and a login on the serial line would wait for it.
const LAST_STEPS: &str = "\
    echo d365d365d365d365d365d365d365d365 > \"$1/etc/machine-id\"; echo d365 > \"$1/etc/hostname\"; \
    ln -s /dev/null \"$1/etc/systemd/system/serial-getty@ttyS0.service\"";
/// The size of the disk. The image is sparse.
const SIZE: &str = "1G";

/// A root file system that is ready to boot from.
#[derive(Clone, Debug)]
pub(super) struct Root {
    /// Its release of Debian.
    pub(super) suite: &'static str,
    /// The image of the disk.
    pub(super) image: PathBuf,
}

/// Makes the root of a release. One that is already there stays, also if Debian has newer packages.
pub(super) fn make(suite: &'static str, place: &Path) -> Result<Root> {
    let dir = place.join("root").join(suite);
    let root = Root { suite, image: dir.join("root.ext4") };
    let (stamp, made_of) = (dir.join("made-of"), [PACKAGES, LAST_STEPS, SIZE, ""].join("\n"));
    if fs::read_to_string(&stamp).is_ok_and(|there| there == made_of) {
        return Ok(root);
    }
    eprintln!("xtask: a root of Debian's {suite}");
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let (options, tree) = (dir.join("apt.conf"), dir.join("tree"));
    fs::write(&options, apt_options()?)?;
    // The owners of the files are those of the new root, so only root can make and remove the tree.
    let remove = || command::run(command::as_root("rm")?.arg("-rf").arg(&tree));
    remove()?;
    let mut bootstrap = command::as_root("mmdebstrap")?;
    bootstrap.args(["--quiet", "--mode=root", "--variant=apt", "--format=directory"]);
    bootstrap.arg(format!("--include={PACKAGES}")).arg(format!("--aptopt={}", options.display()));
    bootstrap.args(LEFT_OUT.map(|part| format!("--dpkgopt=path-exclude=/usr/share/{part}/*")));
    bootstrap.arg(format!("--customize-hook={LAST_STEPS}")).arg(suite).arg(&tree);
    bootstrap.args([("debian", suite.to_owned()), ("debian-security", format!("{suite}-security"))].map(
        |(archive, suite)| format!("deb [signed-by={KEYRING}] http://deb.debian.org/{archive} {suite} main"),
    ));
    command::run(&mut bootstrap)?;
    // Without a journal the disk needs fewer writes, and nobody reads it after a crash.
    let mut mke2fs = command::as_root("mke2fs")?;
    mke2fs.args(["-q", "-F", "-t", "ext4", "-O", "^has_journal", "-d"]).arg(&tree).arg(&root.image).arg(SIZE);
    command::stdout(&mut mke2fs)?;
    remove()?;
    fs::write(&stamp, made_of).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(root)
}

/// This machine's settings for downloads, such as a proxy.
fn apt_options() -> Result<String> {
    command::stdout(Command::new("apt-config").args(["dump", "--format", "%f \"%v\";%n", "Acquire"]))
}
