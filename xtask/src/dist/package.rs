//! The files of a package, and the tools that pack them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::{
    archive,
    build::{Architecture, DAEMON},
};
use crate::{cargo, command};

/// The example that writes what the command line describes.
const EXAMPLE: &str = "package_files";

/// The contents of a package, in the place where the tools look for them.
pub(super) struct Package<'a> {
    architecture: &'a Architecture,
    /// The tools take it for cargo's target directory.
    stage: PathBuf,
}

/// Makes the files that are the same for each architecture, and returns their directory.
pub(super) fn generated() -> Result<PathBuf> {
    let files = cargo::target_dir()?.join("package-files");
    let _ = fs::remove_dir_all(&files);
    let mut build = cargo::cargo()?;
    let [example] =
        cargo::built(build.args(["build", "--package", DAEMON, "--example", EXAMPLE]), [EXAMPLE])?;
    command::run(Command::new(example).arg(&files))?;
    // cargo-deb compresses no manual page below target/release.
    let manuals =
        fs::read_dir(files.join("man"))?.map(|file| Ok(file?.path())).collect::<Result<Vec<_>>>()?;
    command::run(&mut gzip(&manuals))?;
    let changelog = fs::read_to_string(cargo::workspace().join("CHANGELOG.md")).context("no CHANGELOG.md")?;
    let debian = archive::debian_changelog(&changelog, &archive::maintainer()?)?;
    for (name, text) in [("changelog", &changelog), ("changelog.Debian", &debian)] {
        fs::write(files.join(name), text)?;
        command::run(&mut gzip(&[files.join(name)]))?;
    }
    Ok(files)
}

/// Compresses files, without their names and times.
fn gzip(files: &[PathBuf]) -> Command {
    let mut gzip = Command::new("gzip");
    gzip.args(["-9", "--no-name"]).args(files);
    gzip
}

impl<'a> Package<'a> {
    /// Brings the files to their places.
    pub(super) fn stage(architecture: &'a Architecture, binary: &Path, files: &Path) -> Result<Self> {
        let stage = cargo::target_dir()?.join("package").join(architecture.debian);
        let release = stage.join(architecture.target).join("release");
        let _ = fs::remove_dir_all(&stage);
        fs::create_dir_all(&release).with_context(|| format!("cannot make {}", release.display()))?;
        fs::copy(binary, release.join(DAEMON))
            .with_context(|| format!("cannot copy {}", binary.display()))?;
        command::run(Command::new("cp").arg("--recursive").arg(files).arg(release.join("package")))?;
        Ok(Self { architecture, stage })
    }

    /// A call of a packer, on the staged files and at the time of the commit.
    fn packer(&self, name: &str) -> Result<Command> {
        let mut packer = cargo::cargo()?;
        packer.arg(name).args(["--target", self.architecture.target]);
        packer.env("CARGO_TARGET_DIR", &self.stage).env("SOURCE_DATE_EPOCH", archive::epoch()?);
        Ok(packer)
    }

    /// The Debian package.
    pub(super) fn deb(&self, into: &Path) -> Result<()> {
        let mut deb = self.packer("deb")?;
        deb.args(["--quiet", "--package", DAEMON, "--no-build", "--no-strip", "--locked", "--output"]);
        command::run(deb.arg(format!("{}/", into.display())))
    }

    /// The RPM package.
    pub(super) fn rpm(&self, into: &Path) -> Result<()> {
        let mut rpm = self.packer("generate-rpm")?;
        rpm.arg("--target-dir").arg(&self.stage).args(["--payload-compress", "gzip"]);
        rpm.args(["--package", DAEMON, "--output"]);
        command::run(rpm.arg(format!("{}/", into.display())))
    }

    /// An archive with the program and the files, for every other system.
    pub(super) fn tar(&self, into: &Path) -> Result<()> {
        let name = format!("d365-{}-{}-linux", env!("CARGO_PKG_VERSION"), self.architecture.machine());
        let release = self.stage.join(self.architecture.target).join("release");
        let tree = release.join(&name);
        let workspace = cargo::workspace();
        fs::rename(release.join("package"), &tree)?;
        fs::rename(release.join(DAEMON), tree.join(DAEMON))?;
        let copies =
            ["README.md", "SECURITY.md", "LICENSE-MIT", "LICENSE-APACHE", "docs"].map(|f| workspace.join(f));
        let package = ["d365.service", "d365@.service", "d365.sysusers", "examples"];
        let package = package.map(|file| workspace.join("d365-user/package").join(file));
        command::run(Command::new("cp").arg("--recursive").args(copies).args(package).arg(&tree))?;
        let archive = into.join(format!("{name}.tar.gz"));
        let mut tar = Command::new("tar");
        tar.args([
            "--create",
            "--sort=name",
            "--owner=0",
            "--group=0",
            "--numeric-owner",
            "--mode=go=rX,u+rw,a-s",
        ]);
        tar.arg(format!("--mtime=@{}", archive::epoch()?)).arg("--use-compress-program=gzip -9 --no-name");
        command::run(tar.arg("--file").arg(archive).arg("--directory").arg(&release).arg(&name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_units_differ_by_the_instance_only() {
        let package = cargo::workspace().join("d365-user/package");
        let [one, template] =
            ["d365.service", "d365@.service"].map(|name| fs::read_to_string(package.join(name)).unwrap());
        let only_in = |text: &str, other: &str| -> Vec<String> {
            let lines =
                text.lines().filter(|line| !line.starts_with('#') && !other.lines().any(|o| o == *line));
            lines.map(str::to_owned).collect()
        };
        let added = only_in(&template, &one);
        assert!(added.iter().all(|line| line.to_lowercase().contains("%i")), "{added:?}");
        let keys = only_in(&one, &template)
            .iter()
            .map(|line| line.split('=').next().unwrap().to_owned())
            .collect::<Vec<_>>();
        assert_eq!(keys, ["Description", "EnvironmentFile", "StateDirectory", "CacheDirectory"]);
    }
}
