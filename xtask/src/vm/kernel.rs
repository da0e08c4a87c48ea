//! The kernels: the available ones, their packages in Debian, and the parts of a kernel that a machine boots
//! from.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use clap::builder::PossibleValuesParser;

use super::{archive, cpio};
use crate::{command, toolchain};

/// A line of kernels that Debian keeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    /// The version of the line, as in the kernel's version.
    name: &'static str,
    /// The beginning of the names of the image packages.
    package: &'static str,
}

/// From the oldest to the newest. The suites are [`archive::SUITES`].
const LINES: [Line; 5] = [
    Line { name: "5.10", package: "linux-image-5.10." },
    Line { name: "6.1", package: "linux-image-6.1." },
    Line { name: "6.12", package: "linux-image-6.12." },
    Line { name: "6.18", package: "linux-image-6.18." },
    Line { name: "7.3", package: "linux-image-7.3." },
];

/// Modules that tests need, and that `modprobe -q` loads. A module that a kernel does not have is built in,
/// or is part of another module.
pub(super) const MODULES: &str = "\
    veth cls_bpf sch_ingress act_bpf nf_tables nft_counter nft_ct nft_redir nft_nat nft_chain_nat \
    nft_limit nft_objref cls_u32 fuse nft_socket nft_fib_inet nft_reject_inet dummy tun ifb 8021q sch_fq \
    act_mirred bridge";

/// A kernel that is ready to boot.
#[derive(Clone, Debug)]
pub(crate) struct Kernel {
    /// The name of its line.
    pub(crate) name: &'static str,
    /// The compressed image.
    pub(crate) image: PathBuf,
    /// An archive of its modules.
    pub(crate) modules: PathBuf,
}

/// The values that the command line accepts.
pub(crate) fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(LINES.map(|line| line.name))
}

/// The lines of these names, from the oldest to the newest; all lines if no name is given.
pub(crate) fn selected(names: &[String]) -> Vec<Line> {
    let wanted = |line: &Line| names.is_empty() || names.iter().any(|name| name == line.name);
    LINES.into_iter().filter(wanted).collect()
}

impl Line {
    /// Brings the newest kernel of this line. A kernel that is already there stays.
    pub(crate) fn fetch(&self, place: &Path) -> Result<Kernel> {
        let newest = archive::newest(place, self.package)?;
        let dir = place.join("kernel").join(self.name);
        let kernel =
            Kernel { name: self.name, image: dir.join("vmlinuz"), modules: dir.join("modules.cpio") };
        let (stamp, made_of) = (dir.join("made-of"), format!("{newest}\n{MODULES}\n"));
        if fs::read_to_string(&stamp).is_ok_and(|there| there == made_of) {
            return Ok(kernel);
        }
        eprintln!("xtask: Linux {}: {newest}", self.name);
        let _ = fs::remove_dir_all(&dir);
        let unpacked = dir.join("unpacked");
        archive::unpack(place, &newest, &unpacked)?;
        let release = newest.release();
        let old_place = unpacked.join("lib/modules");
        // Newer packages assume a merged `/usr`.
        let root = if old_place.is_dir() { unpacked.clone() } else { unpacked.join("usr") };
        let in_boot = unpacked.join("boot").join(format!("vmlinuz-{release}"));
        let with_modules = root.join("lib/modules").join(release).join("vmlinuz");
        let image = if in_boot.is_file() { in_boot } else { with_modules };
        fs::rename(&image, &kernel.image)
            .with_context(|| format!("package {newest} has no {}", image.display()))?;
        pack_modules(&root, release, &dir.join("modules"))?;
        cpio::pack(&dir.join("modules"), &kernel.modules)?;
        fs::remove_dir_all(&unpacked)?;
        fs::write(&stamp, made_of).with_context(|| format!("cannot write {}", stamp.display()))?;
        Ok(kernel)
    }
}

/// Copies [`MODULES`] and their dependencies from `root` to `into`, uncompressed, and indexes them.
fn pack_modules(root: &Path, release: &str, into: &Path) -> Result<()> {
    let depmod = |base: &Path| command::stdout(Command::new(kmod("depmod")).arg("-b").arg(base).arg(release));
    depmod(root)?;
    let from = root.join("lib/modules").join(release);
    let to = into.join("lib/modules").join(release);
    fs::create_dir_all(&to).with_context(|| format!("cannot make {}", to.display()))?;
    for index in ["modules.builtin", "modules.builtin.modinfo", "modules.order"] {
        // depmod warns about files that a package lacks, and works without them.
        let _ = fs::copy(from.join(index), to.join(index));
    }
    for module in MODULES.split(' ') {
        let mut show = Command::new(kmod("modprobe"));
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

/// A program of the package kmod. It is in no user's PATH.
fn kmod(program: &str) -> PathBuf {
    toolchain::find(program).unwrap_or_else(|| Path::new("/usr/sbin").join(program))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_run_from_the_oldest_whatever_the_order_asked_for() {
        let names = |asked: &[&str]| {
            let asked: Vec<String> = asked.iter().map(ToString::to_string).collect();
            selected(&asked).iter().map(|line| line.name).collect::<Vec<_>>()
        };
        assert_eq!(names(&["6.12", "5.10"]), ["5.10", "6.12"]);
        assert_eq!(names(&[]), ["5.10", "6.1", "6.12", "6.18", "7.3"]);
    }
}
