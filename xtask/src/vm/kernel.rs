//! The kernels: the available ones, their packages in Debian, and the parts of a kernel that a machine boots
//! from.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};

use super::{
    archive::{self, Flavour},
    cpio,
};
use crate::{
    apt::{self, private::Archive},
    cargo, command,
};

/// The lines of kernels, from the oldest to the newest. The suites are [`archive::SUITES`].
pub(super) const LINES: [&str; 5] = ["5.10", "6.1", "6.12", "6.18", "7.3"];

/// Modules that tests, the disk and the network cards need, and that `modprobe -q` loads. A module that a
/// kernel does not have is built in, or is part of another module.
pub(super) const MODULES: &str = "\
    veth cls_bpf sch_ingress act_bpf nf_tables nft_counter nft_ct nft_redir nft_nat nft_chain_nat \
    nft_limit nft_objref cls_u32 fuse nft_socket nft_fib_inet nft_reject_inet dummy tun ifb 8021q sch_fq \
    act_mirred bridge bonding macvlan macvtap vxlan ip_gre ipip sit wireguard virtio_pci virtio_blk ext4 \
    virtio_net vmxnet3 igb";

/// A kernel that is ready to boot.
#[derive(Clone, Debug)]
pub(super) struct Kernel {
    /// The name of its line.
    pub(super) name: &'static str,
    /// The compressed image.
    pub(super) image: PathBuf,
    /// An archive of its modules.
    pub(super) modules: PathBuf,
}

/// Brings the newest kernel of a line. A kernel that is already there stays.
pub(super) fn fetch(debian: &Archive, name: &'static str, flavour: Flavour, place: &Path) -> Result<Kernel> {
    let release = archive::newest(debian, name, flavour)?;
    let dir = match flavour {
        Flavour::Cloud => place.join("kernel").join(name),
        Flavour::Ordinary => place.join("kernel").join(format!("{name}-{}", flavour.name())),
    };
    let kernel = Kernel { name, image: dir.join("vmlinuz"), modules: dir.join("modules.cpio") };
    // The list of files has each package's version and hash: a rebuild of the same release differs.
    let packages = archive::packages(debian, &release)?;
    let files = command::stdout(debian.download(&packages).arg("--print-uris"))?;
    let (stamp, made_of) = (dir.join("made-of"), format!("{files}{MODULES}\n"));
    if fs::read_to_string(&stamp).is_ok_and(|there| there == made_of) {
        return Ok(kernel);
    }
    eprintln!("xtask: Linux {name}: {release}");
    let _ = fs::remove_dir_all(&dir);
    let unpacked = dir.join("unpacked");
    fs::create_dir_all(&unpacked).with_context(|| format!("cannot make {}", unpacked.display()))?;
    apt::fetch(debian.download(&packages).stdout(Stdio::null()), &unpacked)?;
    let old_place = unpacked.join("lib/modules");
    // Newer packages assume a merged `/usr`.
    let root = if old_place.is_dir() { unpacked.clone() } else { unpacked.join("usr") };
    let in_boot = unpacked.join("boot").join(format!("vmlinuz-{release}"));
    let with_modules = root.join("lib/modules").join(&release).join("vmlinuz");
    let image = if in_boot.is_file() { in_boot } else { with_modules };
    fs::rename(&image, &kernel.image)
        .with_context(|| format!("the packages of {release} have no {}", image.display()))?;
    pack_modules(&root, &release, &dir.join("modules"), MODULES)?;
    cpio::pack(&dir.join("modules"), &kernel.modules)?;
    fs::remove_dir_all(&unpacked)?;
    fs::write(&stamp, made_of).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(kernel)
}

/// Copies these modules and their dependencies from `root` to `into`, uncompressed, and indexes them.
pub(super) fn pack_modules(root: &Path, release: &str, into: &Path, names: &str) -> Result<()> {
    let depmod = cargo::find("depmod")?;
    let depmod = |base: &Path| command::stdout(Command::new(&depmod).arg("-b").arg(base).arg(release));
    depmod(root)?;
    let from = root.join("lib/modules").join(release);
    let to = into.join("lib/modules").join(release);
    fs::create_dir_all(&to).with_context(|| format!("cannot make {}", to.display()))?;
    for index in ["modules.builtin", "modules.builtin.modinfo", "modules.order"] {
        // depmod warns about files that a package lacks, and works without them.
        let _ = fs::copy(from.join(index), to.join(index));
    }
    let modprobe = cargo::find("modprobe")?;
    for module in names.split(' ') {
        let mut show = Command::new(&modprobe);
        show.args(["-C", "/dev/null", "-d"]).arg(root).args(["-S", release, "--show-depends", module]);
        // It fails for a module that the kernel does not have.
        let Ok(needs) = command::stdout(&mut show) else { continue };
        for path in needs.lines().filter_map(|line| line.strip_prefix("insmod ")) {
            copy_module(Path::new(path.trim_end()), &to)?;
        }
    }
    depmod(into).map(drop)
}

/// Copies a module, uncompressed.
fn copy_module(path: &Path, to: &Path) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let target = to.join(name.trim_end_matches(".xz"));
    let mut cat = Command::new(if name.ends_with(".xz") { "xzcat" } else { "cat" });
    let output = cat.arg(path).output().context("cannot start xzcat (package xz-utils)")?;
    anyhow::ensure!(output.status.success(), "cannot read {}", path.display());
    fs::write(&target, output.stdout).with_context(|| format!("cannot write {}", target.display()))
}
