//! Debian packages: lists the missing ones, installs packages, and unpacks packages without installing them.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use crate::{command, toolchain};

/// The packages among `packages` that are not installed, in the same order.
pub(crate) fn not_installed(packages: &[&'static str]) -> Vec<&'static str> {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat=${Package} ${db:Status-Status}\n"]).args(packages);
    // dpkg-query fails if it does not know a package, but still prints the others.
    let stdout = query.output().map(|output| output.stdout).unwrap_or_default();
    let stdout = String::from_utf8_lossy(&stdout);
    let there = |package: &str| stdout.lines().any(|line| line.split(' ').eq([package, "installed"]));
    packages.iter().copied().filter(|package| !there(package)).collect()
}

/// Returns true if this machine has apt.
pub(crate) fn is_there() -> bool {
    toolchain::find("apt-get").is_some()
}

/// Installs `packages`. Updates the package lists only if the present ones do not suffice.
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

/// Unpacks `packages`, and those of their dependencies that are not installed, into one tree like `/`. It
/// installs nothing: no script of a package runs, and no service starts. The tree appears as a whole or not
/// at all.
pub(crate) fn unpack_whole(packages: &[&str], into: &Path) -> Result<()> {
    let (download, partial) = (into.with_extension("download"), into.with_extension("partial"));
    let empty = |directory: &Path| {
        let _ = fs::remove_dir_all(directory);
        fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))
    };
    let fetch = || {
        empty(&download)?;
        let names = with_dependencies(packages)?;
        command::run(Command::new("apt-get").args(["-qq", "download"]).args(names).current_dir(&download))
    };
    fetch().or_else(|_| update().and_then(|()| fetch()))?;
    empty(&partial)?;
    merge_like_root(&partial)?;
    for file in fs::read_dir(&download)? {
        extract(&file?.path(), &partial)?;
    }
    fs::remove_dir_all(&download).with_context(|| format!("cannot remove {}", download.display()))?;
    // Removes an older tree with fewer packages.
    let _ = fs::remove_dir_all(into);
    fs::rename(&partial, into)
        .with_context(|| format!("cannot name {} {}", partial.display(), into.display()))
}

/// The packages that apt would have to download to install `packages`, and always `packages` themselves.
fn with_dependencies(packages: &[&str]) -> Result<Vec<String>> {
    let mut install = Command::new("apt-get");
    install.args(["install", "--print-uris", "-qq", "--yes", "--no-install-recommends"]).args(packages);
    let mut names = downloads(&command::stdout(&mut install)?);
    names.extend(packages.iter().map(|package| (*package).to_owned()));
    names.sort();
    names.dedup();
    Ok(names)
}

/// The packages in a list of downloads. Its lines are `'URI' package_version_architecture.deb size checksum`.
fn downloads(list: &str) -> Vec<String> {
    let files = list.lines().filter_map(|line| line.split_whitespace().nth(1));
    files.filter_map(|file| file.split_once('_')).map(|(package, _)| package.to_owned()).collect()
}

/// Makes links such as `/bin` and `/lib` below `tree` if they are links on this machine, so that the tree can
/// be laid over `/`.
fn merge_like_root(tree: &Path) -> Result<()> {
    for name in ["bin", "sbin", "lib", "lib32", "lib64", "libx32"] {
        if let Ok(target) = fs::read_link(Path::new("/").join(name)) {
            let target = target.strip_prefix("/").map(Path::to_path_buf).unwrap_or(target);
            fs::create_dir_all(tree.join(&target))?;
            symlink(target, tree.join(name))?;
        }
    }
    Ok(())
}

/// Unpacks the files of one package below `tree`, and follows links to directories that are already there.
/// `dpkg-deb --extract` would replace these links.
fn extract(package: &Path, tree: &Path) -> Result<()> {
    let mut archive = Command::new("dpkg-deb");
    let mut archive = archive.arg("--fsys-tarfile").arg(package).stdout(Stdio::piped()).spawn()?;
    let files = archive.stdout.take().context("dpkg-deb has no standard output")?;
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--keep-directory-symlink", "--no-same-owner", "--directory"]).arg(tree);
    command::run(tar.stdin(files))?;
    ensure!(archive.wait()?.success(), "dpkg-deb cannot read {}", package.display());
    Ok(())
}

/// Returns true if apt's lists have a suitable version of each package.
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

/// Returns true if this version suffices. Debian 12 was released with a `rustc-web` that is too old; a
/// security update brought one that suffices.
fn new_enough(package: &str, version: &str) -> bool {
    let oldest = env!("CARGO_PKG_RUST_VERSION");
    let newer =
        || command::succeeds(Command::new("dpkg").args(["--compare-versions", version, "ge", oldest]));
    !package.contains("-web") || newer()
}

fn update() -> Result<()> {
    command::run(apt_get()?.arg("update"))
}

/// `apt-get` as root. It asks nothing, and waits for another apt to end.
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
    fn reads_what_apt_would_download() {
        let list = "'http://deb.debian.org/debian/pool/main/p/postfix/postfix_3.7.11-0%2bdeb12u1_amd64.deb' \
                    postfix_3.7.11-0+deb12u1_amd64.deb 1510172 MD5Sum:cd6d\n\
                    'http://deb.debian.org/debian/pool/main/h/hyperscan/libhyperscan5_5.4.0-2_amd64.deb' \
                    libhyperscan5_5.4.0-2_amd64.deb 2489076\n";
        assert_eq!(downloads(list), ["postfix", "libhyperscan5"]);
    }

    #[test]
    fn reads_what_apt_would_install() {
        let policy = "rustc-web:\n  Installed: (none)\n  Candidate: 1.96.0+dfsg1-1~deb12u2\n  Version table:\n\
                      \x20    1.96.0+dfsg1-1~deb12u2 500\n\
                      gone:\n  Installed: 1.0\n  Candidate: (none)\n\
                      g++:\n  Candidate: 4:12.2.0-3\n";
        assert_eq!(candidates(policy), [("rustc-web", "1.96.0+dfsg1-1~deb12u2"), ("g++", "4:12.2.0-3")]);
    }
}
