//! Builds of the daemon for a release: for each architecture, linked with the C library or with everything.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use crate::{apt::private::Archive, cargo, command, setup, step::Change, toolchain, tools};

/// The daemon's package and its program.
pub(super) const DAEMON: &str = "d365-user";
/// The newest version of glibc that a package needs: that of Debian 12's predecessors and RHEL 9.
const GLIBC: (u32, u32) = (2, 34);
/// Debian's compiler and its standard library for other architectures.
const COMPILER: &str = "rustc-web";
const LIBRARY: &str = "libstd-rust-web-dev";

/// The place of the C library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Linking {
    /// The host's, so that its name services work.
    Shared,
    /// It is part of the program, which then runs everywhere.
    Static,
}

/// An architecture, by its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Architecture {
    pub(super) debian: &'static str,
    pub(super) target: &'static str,
}

pub(super) const NAMES: [&str; 2] = ["amd64", "arm64"];
pub(super) const ARCHITECTURES: [Architecture; 2] = [
    Architecture { debian: NAMES[0], target: "x86_64-unknown-linux-gnu" },
    Architecture { debian: NAMES[1], target: "aarch64-unknown-linux-gnu" },
];

impl Architecture {
    fn is_foreign(&self) -> bool {
        !self.target.starts_with(env::consts::ARCH)
    }

    /// The first part of the target's name.
    pub(super) fn machine(&self) -> &'static str {
        self.target.split('-').next().unwrap_or(self.target)
    }

    /// The changes that a build for it needs.
    pub(super) fn needs(&self) -> Vec<Change> {
        if !self.is_foreign() {
            return Vec::new();
        }
        let gcc = [("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu")];
        let mut changes = tools::packages(gcc);
        if !changes.is_empty() {
            changes.push(Change::Packages(vec!["libc6-dev-arm64-cross"]));
        }
        if !Path::new("/usr/bin/rustc").is_file() {
            changes.push(Change::Packages(setup::COMPILER.to_vec()));
        }
        changes
    }

    /// The cargo that builds for it. rustup's compilers have no other standard library here; Debian has one
    /// for its own compiler.
    fn cargo(&self) -> Result<Command> {
        if !self.is_foreign() {
            return cargo::cargo();
        }
        let mut cargo = Command::new("/usr/bin/cargo");
        cargo.current_dir(cargo::workspace()).env("PATH", cargo::path()?).env("RUSTC", "/usr/bin/rustc");
        // rustup's cargo, which runs xtask, sets it for all of its children.
        cargo.env_remove("RUSTUP_TOOLCHAIN");
        let linker = format!("CARGO_TARGET_{}_LINKER", self.target.to_uppercase().replace('-', "_"));
        cargo.env(linker, format!("{}-linux-gnu-gcc", self.machine()));
        Ok(cargo)
    }

    /// A directory with the standard library of exactly Debian's compiler.
    fn sysroot(&self) -> Result<PathBuf> {
        let place = cargo::target_dir()?.join("tools").join(self.debian);
        let version = command::stdout(Command::new("dpkg-query").args([
            "--show",
            "--showformat=${Version}",
            COMPILER,
        ]))?;
        let sysroot = place.join(format!("{LIBRARY}-{}", version.replace(':', "_")));
        if !sysroot.is_dir() {
            let archive =
                Archive::open(&place.join("apt"), self.debian, &[("debian-security", "bookworm-security")])?;
            archive.unpack(&[&format!("{LIBRARY}={version}")], &sysroot)?;
        }
        Ok(sysroot.join("usr"))
    }
}

/// Builds the daemon, and returns its path.
pub(super) fn binary(architecture: &Architecture, linking: Linking) -> Result<PathBuf> {
    let mut build = architecture.cargo()?;
    build.args(["build", "--locked", "--release", "--package", DAEMON, "--bin", DAEMON]);
    build.args(["--target", architecture.target]);
    let mut flags = remaps("--remap-path-prefix=")?;
    flags.push("-Cstrip=symbols".to_owned());
    if linking == Linking::Static {
        flags.push("-Ctarget-feature=+crt-static".to_owned());
    }
    if architecture.is_foreign() {
        flags.push(format!("--sysroot={}", architecture.sysroot()?.display()));
    }
    build.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    // For the C code of a dependency.
    build.env("CFLAGS", remaps("-ffile-prefix-map=")?.join(" "));
    let [binary] = cargo::built(&mut build, [DAEMON])?;
    Ok(binary)
}

/// Arguments that replace this machine's directories in what a compiler writes.
fn remaps(argument: &str) -> Result<Vec<String>> {
    let home = toolchain::home("CARGO_HOME", ".cargo").context("there is no home directory for cargo")?;
    // The last one that fits counts.
    let directories = [(home, "/cargo"), (cargo::workspace(), "/d365"), (cargo::target_dir()?, "/target")];
    Ok(directories.iter().map(|(from, to)| format!("{argument}{}={to}", from.display())).collect())
}

/// Fails if the binary needs a newer C library than the packages state.
pub(super) fn check_libc(binary: &Path) -> Result<()> {
    let needs = command::stdout(Command::new("readelf").args(["--version-info", "--wide"]).arg(binary))?;
    let newest = newest_glibc(&needs).context("the binary names no version of glibc")?;
    let (major, minor) = newest;
    ensure!(
        newest <= GLIBC,
        "the binary needs glibc {major}.{minor}: adapt GLIBC and the packages' dependencies"
    );
    Ok(())
}

/// The newest version of glibc that `readelf --version-info` shows.
fn newest_glibc(needs: &str) -> Option<(u32, u32)> {
    let versions = needs.split("GLIBC_").skip(1).filter_map(|text| {
        let text = text.split(|c: char| !c.is_ascii_digit() && c != '.').next()?;
        let mut numbers = text.split('.').map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    });
    versions.max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_is_found() {
        let shown = "  0x0010:   Name: GLIBC_2.9  Flags: none  Version: 3\n  Name: GLIBC_2.34  Flags: none\n\
                     Name: GLIBC_2.3.4  Flags: none";
        assert_eq!(newest_glibc(shown), Some((2, 34)));
        assert_eq!(newest_glibc("No version information"), None);
    }
}
