//! Debian's own checks of the packages, and the package for arm64 in a machine.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result};

use crate::{cargo, command, tools, vm::foreign};

const TOOLS: [(&str, &str); 3] =
    [("lintian", "lintian"), ("piuparts", "piuparts"), ("mmdebstrap", "mmdebstrap")];
/// The release of Debian in which piuparts installs and purges.
const SUITE: &str = "bookworm";

/// Checks every Debian package in this directory.
pub(super) fn judge(out: &Path) -> Result<()> {
    tools::provide(tools::packages(TOOLS), &[])?;
    for file in fs::read_dir(out)?.flatten().map(|file| file.path()) {
        if file.extension().is_none_or(|extension| extension != "deb") {
            continue;
        }
        let mut lintian = Command::new("lintian");
        command::run(lintian.args(["--fail-on", "error,warning", "--allow-root"]).arg(&file))?;
        if file.to_string_lossy().ends_with("_arm64.deb") {
            foreign::counts_a_connection(&file)?;
        } else {
            install_and_purge(&file)?;
        }
    }
    Ok(())
}

/// Installs and purges a package in a root of its own: nothing may be left.
fn install_and_purge(package: &Path) -> Result<()> {
    let root = cargo::target_dir()?.join("vm").join(format!("{SUITE}.tar.gz"));
    if !root.is_file() {
        fs::create_dir_all(root.parent().context("no parent")?)?;
        let mut bootstrap = command::as_root("mmdebstrap")?;
        bootstrap.args(["--quiet", "--variant=minbase", "--include=systemd", SUITE]);
        command::run(bootstrap.arg(&root))?;
    }
    let mut piuparts = command::as_root("piuparts")?;
    piuparts.arg("--basetgz").arg(&root).args(["--distribution", SUITE, "--no-eatmydata"]);
    command::run(piuparts.arg(package))
}
