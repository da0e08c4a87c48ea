//! The programs that run in a machine: the daemon and the privileged tests. They are linked statically,
//! because the file system has hardly any library.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::{base::Base, cpio};
use crate::{cargo, command};

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Paths of the binaries.
#[derive(Clone, Debug)]
pub(super) struct Binaries {
    daemon: PathBuf,
    tests: PathBuf,
}

/// The archives that every machine boots with, and the names of everything that tests may lack in them.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    /// Programs, documents, the binaries.
    pub(super) archives: [PathBuf; 2],
    /// Names for `D365_WITHOUT`.
    pub(super) without: String,
}

/// Builds the daemon and the tests.
pub(super) fn build() -> Result<Binaries> {
    // Both with one command: their dependencies have the same features, and are built once.
    let mut build = cargo()?;
    build.args(["build", "--package", "d365-user", "--package", "d365-tests", "--target", TARGET]);
    build.args(["--bin", "d365-user", "--test", "privileged"]);
    let [daemon, tests] = cargo::built(&mut build, ["d365-user", "privileged"])?;
    Ok(Binaries { daemon, tests })
}

impl Binaries {
    /// The names of all tests.
    pub(super) fn list(&self) -> Result<Vec<String>> {
        let names = command::stdout(Command::new(&self.tests).args(["--list", "--format", "terse"]))?;
        Ok(names.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
    }

    /// Packs the binaries without their debug information.
    pub(super) fn pack(&self, base: &Base, place: &Path) -> Result<Shared> {
        let dir = place.join("binaries");
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(dir.join("d365")).with_context(|| format!("cannot make {}", dir.display()))?;
        for (binary, name) in [(&self.daemon, "d365-user"), (&self.tests, "privileged")] {
            let mut strip = Command::new("strip");
            strip.args(["--strip-debug", "-o"]).arg(dir.join("d365").join(name)).arg(binary);
            command::run(&mut strip)?;
        }
        // Tests find documents by a path through their own package's directory.
        let workspace = cargo::workspace();
        let there = dir.join(workspace.strip_prefix("/").context("the workspace's path is relative")?);
        fs::create_dir_all(there.join("tests"))?;
        command::run(Command::new("cp").arg("--recursive").arg(workspace.join("docs")).arg(&there))?;
        let archive = place.join("binaries.cpio");
        cpio::pack(&dir, &archive)?;
        Ok(Shared { archives: [base.archive.clone(), archive], without: base.without.clone() })
    }
}

/// Cargo with static linking. With a named target, build scripts and macros are linked as always.
fn cargo() -> Result<Command> {
    let mut cargo = cargo::cargo()?;
    cargo.env("RUSTFLAGS", "-C target-feature=+crt-static").env("CARGO_PROFILE_DEV_DEBUG", "0");
    cargo.env("CARGO_PROFILE_DEV_OPT_LEVEL", "1");
    Ok(cargo)
}
