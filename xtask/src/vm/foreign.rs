//! The package of another architecture in a machine: QEMU boots Debian's kernel with the files of the
//! package, and one connection has to be counted.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use super::{cpio, kernel};
use crate::{apt::private::Archive, cargo, command, tools};

const SUITES: [(&str, &str); 2] = [("debian", "bookworm"), ("debian-security", "bookworm-security")];
/// The names of Debian 12's kernels for virtual machines begin and end so.
const KERNEL: [&str; 2] = ["linux-image-6.1.", "-cloud-arm64"];
const PACKAGES: [&str; 3] = ["busybox-static", "libc6", "libgcc-s1"];
const MODULES: &str = "virtio_mmio virtio_net sch_ingress cls_bpf";
const QEMU: [(&str, &str); 1] = [("qemu-system-aarch64", "qemu-system-arm")];
/// Both network cards are ports of one hub inside of QEMU.
const MACHINE: &str = "\
    -machine virt -cpu cortex-a72 -smp 1 -m 1G -nodefaults -no-user-config -display none -serial stdio -no-reboot \
    -netdev hubport,id=host,hubid=0 -device virtio-net-device,netdev=host,mac=02:d3:65:00:00:01 \
    -netdev hubport,id=peer,hubid=0 -device virtio-net-device,netdev=peer,mac=02:d3:65:00:00:02";
/// Seconds for the whole life of the machine.
const LIMIT: &str = "420";

/// Fails unless the daemon of this package for arm64 counts a connection.
pub(crate) fn counts_a_connection(package: &Path) -> Result<()> {
    tools::provide(tools::packages(QEMU.into_iter().chain(tools::MACHINE_TOOLS)), &[])?;
    let place = cargo::target_dir()?.join("vm/arm64");
    let archive = Archive::open(&place.join("apt"), "arm64", &SUITES)?;
    let image = archive.newest(KERNEL[0], |name| name.ends_with(KERNEL[1]))?;
    let image = image.with_context(|| format!("Debian has no package {}*{}", KERNEL[0], KERNEL[1]))?;
    let release = image.trim_start_matches("linux-image-");
    let (root, unpacked) = (place.join("root"), place.join("kernel"));
    let _ = fs::remove_dir_all(&root);
    let _ = fs::remove_dir_all(&unpacked);
    archive.unpack(&PACKAGES, &root)?;
    archive.unpack(&[&image], &unpacked)?;
    command::run(Command::new("dpkg-deb").arg("--extract").arg(package).arg(&root))?;
    for directory in ["dev", "proc", "sys", "root", "var/lib/d365"] {
        fs::create_dir_all(root.join(directory))?;
    }
    kernel::pack_modules(&unpacked, release, &root, MODULES)?;
    let init = root.join("init");
    fs::write(&init, include_str!("foreign.sh").replace("@MODULES@", MODULES))?;
    fs::set_permissions(&init, fs::Permissions::from_mode(0o755))?;
    let initrd = place.join("initrd");
    cpio::pack(&root, &initrd)?;

    let mut qemu = Command::new("timeout");
    qemu.args([LIMIT, QEMU[0].0])
        .args(MACHINE.split(' '))
        .args(["-append", "console=ttyAMA0 quiet panic=-1"]);
    qemu.arg("-kernel").arg(unpacked.join("boot").join(format!("vmlinuz-{release}")));
    let output =
        qemu.arg("-initrd").arg(&initrd).stdin(Stdio::null()).output().context("cannot start QEMU")?;
    let text = String::from_utf8_lossy(&output.stdout);
    print!("{text}");
    ensure!(text.contains("vm: one connection is counted"), "the package for arm64 counts no connection");
    Ok(())
}
