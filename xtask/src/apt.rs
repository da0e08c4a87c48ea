//! Debian packages: installs packages, and unpacks packages without installing them.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Stdio},
    sync::Once,
};

use anyhow::{Context as _, Result, ensure};

use crate::{command, toolchain};

pub(crate) mod private;

/// Returns true if this machine has apt.
pub(crate) fn is_there() -> bool {
    toolchain::find("apt-get").is_some()
}

/// Installs `packages`, or newer versions of those that are installed.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    update();
    command::run(apt_get()?.args(["install", "--yes", "--no-install-recommends"]).args(packages))
}

/// Unpacks `packages`, and those of their dependencies that are not installed, into one tree like `/`. It
/// installs nothing: no script of a package runs, and no service starts. The tree appears as a whole or not
/// at all.
pub(crate) fn unpack(packages: &[&str], into: &Path) -> Result<()> {
    let partial = into.with_extension("partial");
    update();
    let _ = fs::remove_dir_all(&partial);
    make(&partial)?;
    merge_like_root(&partial)?;
    let mut apt = Command::new("apt-get");
    fetch(apt.args(["-qq", "download"]).args(with_dependencies(packages)?), &partial)?;
    // Removes an older tree with fewer packages.
    let _ = fs::remove_dir_all(into);
    fs::rename(&partial, into)
        .with_context(|| format!("cannot name {} {}", partial.display(), into.display()))
}

/// Runs a download of packages, and unpacks their files below `tree`.
pub(crate) fn fetch(download: &mut Command, tree: &Path) -> Result<()> {
    let packages = tree.with_extension("download");
    let _ = fs::remove_dir_all(&packages);
    make(&packages)?;
    command::run(download.current_dir(&packages))?;
    fs::read_dir(&packages)?.try_for_each(|file| extract(&file?.path(), tree))?;
    fs::remove_dir_all(&packages).with_context(|| format!("cannot remove {}", packages.display()))
}

fn make(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))
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

/// Gets the newest package lists, once: old ones name files that the archive no longer has. If that fails,
/// the old ones may suffice.
fn update() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if let Err(error) = apt_get().and_then(|mut apt| command::run(apt.arg("update"))) {
            eprintln!("xtask: {error:#}");
        }
    });
}

/// `apt-get` as root. It asks nothing, and waits for another apt to end.
fn apt_get() -> Result<Command> {
    let mut command = command::as_root("env")?;
    let args = "DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300";
    command.args(args.split(' '));
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
}
