//! The programs that run in a machine: the daemon and the privileged tests. They are linked statically,
//! because the file system has hardly any library.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::cpio;
use crate::{cargo, command, dist};

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Builds the daemon and the tests, and returns their paths.
pub(super) fn build() -> Result<[PathBuf; 2]> {
    // Both with one command: their dependencies have the same features, and are built once.
    let mut build = cargo::cargo()?;
    build.args(["build", "--package", "d365-user", "--package", "d365-tests", "--target", TARGET]);
    build.args(["--bin", "d365-user", "--test", "privileged"]);
    // With a named target, build scripts and macros are linked as always.
    build.env("RUSTFLAGS", "-C target-feature=+crt-static").env("CARGO_PROFILE_DEV_DEBUG", "0");
    build.env("CARGO_PROFILE_DEV_OPT_LEVEL", "1");
    cargo::built(&mut build, ["d365-user", "privileged"])
}

/// The names of all tests.
pub(super) fn list(tests: &Path) -> Result<Vec<String>> {
    let names = command::stdout(Command::new(tests).args(["--list", "--format", "terse"]))?;
    Ok(names.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
}

/// Packs the binaries without their debug information, and returns the archive. A machine with systemd also
/// gets the package of the daemon.
pub(super) fn pack(binaries: &[PathBuf; 2], place: &Path, has_systemd: bool) -> Result<PathBuf> {
    let dir = place.join("binaries");
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(dir.join("d365")).with_context(|| format!("cannot make {}", dir.display()))?;
    for (binary, name) in binaries.iter().zip(["d365-user", "privileged"]) {
        let mut strip = Command::new("strip");
        strip.args(["--strip-debug", "-o"]).arg(dir.join("d365").join(name)).arg(binary);
        command::run(&mut strip)?;
    }
    if has_systemd {
        dist::for_tests(&dir.join("d365/d365-user"), &dir.join("d365"))?;
    }
    // Tests find documents by a path through their own package's directory.
    let workspace = cargo::workspace();
    let path = workspace.strip_prefix("/").context("the workspace's path is relative")?;
    // The machine brings them there when it has its file systems, because the path may begin with /tmp.
    let there = dir.join("d365/files").join(path);
    fs::create_dir_all(there.join("tests"))?;
    command::run(Command::new("cp").arg("--recursive").arg(workspace.join("docs")).arg(&there))?;
    fs::create_dir_all(there.join("d365-user"))?;
    let package = workspace.join("d365-user/package");
    command::run(Command::new("cp").arg("--recursive").arg(package).arg(there.join("d365-user")))?;
    let archive = place.join("binaries.cpio");
    cpio::pack(&dir, &archive)?;
    Ok(archive)
}
