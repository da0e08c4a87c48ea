//! Debian's packages: which are there, installing, and unpacking without installing.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};

use crate::{command, toolchain};

/// Those of `packages` that are not installed, in their order.
pub(crate) fn not_installed(packages: &[&'static str]) -> Vec<&'static str> {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat=${Package} ${db:Status-Status}\n"]).args(packages);
    // It fails if one of them is unknown, and still prints the others.
    let stdout = query.output().map(|output| output.stdout).unwrap_or_default();
    let stdout = String::from_utf8_lossy(&stdout);
    let there = |package: &str| stdout.lines().any(|line| line.split(' ').eq([package, "installed"]));
    packages.iter().copied().filter(|package| !there(package)).collect()
}

/// Whether this machine has apt.
pub(crate) fn is_there() -> bool {
    toolchain::find("apt-get").is_some()
}

/// Installs `packages`, and asks the archive for its newest lists only if these here are not good enough.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    if !known(packages)? {
        update()?;
    }
    let install =
        || command::run(apt_get()?.args(["install", "--yes", "--no-install-recommends"]).args(packages));
    // Old lists name files that the archive no longer has.
    install().or_else(|_| update().and_then(|()| install()))
}

/// Unpacks `package` below `into`, and installs nothing.
pub(crate) fn unpack(package: &str, into: &Path) -> Result<()> {
    let download = into.with_extension("download");
    fs::create_dir_all(&download).with_context(|| format!("cannot make {}", download.display()))?;
    if !known(&[package])? {
        update()?;
    }
    let fetch = || command::run(Command::new("apt-get").args(["download", package]).current_dir(&download));
    fetch().or_else(|_| update().and_then(|()| fetch()))?;
    for file in fs::read_dir(&download)? {
        command::run(Command::new("dpkg-deb").arg("--extract").arg(file?.path()).arg(into))?;
    }
    fs::remove_dir_all(&download).with_context(|| format!("cannot remove {}", download.display()))
}

/// Whether apt's lists have a version of each that will do.
fn known(packages: &[&str]) -> Result<bool> {
    let policy = command::stdout(Command::new("apt-cache").env("LC_ALL", "C").arg("policy").args(packages))?;
    let candidates = candidates(&policy);
    Ok(packages.iter().all(|package| {
        let candidate = candidates.iter().find(|(name, _)| name == package);
        candidate.is_some_and(|(_, version)| new_enough(package, version))
    }))
}

/// Package and version from `apt-cache policy`, for each that has a version to install.
fn candidates(policy: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut package = "";
    for line in policy.lines() {
        if let Some(name) = line.strip_suffix(':').filter(|name| !name.starts_with(' ')) {
            package = name;
        } else if let Some(version) = line.trim().strip_prefix("Candidate: ").filter(|v| *v != "(none)") {
            found.push((package, version));
        }
    }
    found
}

/// Debian 12 was released with a `rustc-web` that is too old; a security update brought the one that will do.
fn new_enough(package: &str, version: &str) -> bool {
    let oldest = env!("CARGO_PKG_RUST_VERSION");
    let newer =
        || command::succeeds(Command::new("dpkg").args(["--compare-versions", version, "ge", oldest]));
    !package.contains("-web") || newer()
}

fn update() -> Result<()> {
    command::run(apt_get()?.arg("update"))
}

/// `apt-get` as root, which asks nothing, and waits for another apt to end.
fn apt_get() -> Result<Command> {
    let mut command = command::as_root("env")?;
    command.args([
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "-qq",
        "-o",
        "Dpkg::Use-Pty=0",
        "-o",
        "DPkg::Lock::Timeout=300",
    ]);
    command.stdin(Stdio::null());
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_apt_would_install() {
        let policy = "rustc-web:\n  Installed: (none)\n  Candidate: 1.96.0+dfsg1-1~deb12u2\n  Version table:\n\
                      \x20    1.96.0+dfsg1-1~deb12u2 500\n\
                      gone:\n  Installed: 1.0\n  Candidate: (none)\n\
                      g++:\n  Candidate: 4:12.2.0-3\n";
        assert_eq!(candidates(policy), [("rustc-web", "1.96.0+dfsg1-1~deb12u2"), ("g++", "4:12.2.0-3")]);
    }
}
