//! What runs in a machine: the daemon and the privileged tests, linked statically, for a file system that has hardly any
//! library.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use super::{base::Base, cpio};
use crate::{cargo, command};

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Where they are.
#[derive(Clone, Debug)]
pub(super) struct Binaries {
    daemon: PathBuf,
    tests: PathBuf,
}

/// The archives that every machine boots with, and what tests may lack in it.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    /// Programs, documents, the binaries.
    pub(super) archives: [PathBuf; 2],
    /// Names for `D365_WITHOUT`.
    pub(super) without: String,
}

/// Builds both.
pub(super) fn build() -> Result<Binaries> {
    let mut daemon = cargo()?;
    command::run(daemon.args(["build", "--package", "d365-user", "--target", TARGET]))?;
    let mut tests = cargo()?;
    tests.args(["test", "--no-run", "--package", "d365-tests", "--test", "privileged", "--target", TARGET]);
    let messages =
        command::stdout(tests.arg("--message-format=json-render-diagnostics").stderr(Stdio::inherit()))?;
    let daemon = cargo::target_dir()?.join(TARGET).join("debug/d365-user");
    ensure!(daemon.is_file(), "cargo built the daemon, but it is not at {}", daemon.display());
    Ok(Binaries { daemon, tests: executable(&messages).context("cargo names no binary of the tests")? })
}

impl Binaries {
    /// The names of the tests that these select.
    pub(super) fn list(&self, filter: &[String], skip: &[String]) -> Result<Vec<String>> {
        let mut list = Command::new(&self.tests);
        list.args(["--list", "--format", "terse"]).args(filter);
        for name in skip {
            list.args(["--skip", name]);
        }
        let names = command::stdout(&mut list)?;
        Ok(names.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
    }

    /// Packs them, without their debug information.
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

/// Cargo, linking statically. With a target named, build scripts and macros stay as they are.
fn cargo() -> Result<Command> {
    let mut cargo = cargo::cargo()?;
    cargo.env("RUSTFLAGS", "-C target-feature=+crt-static").env("CARGO_PROFILE_DEV_DEBUG", "0");
    cargo.env("CARGO_PROFILE_DEV_OPT_LEVEL", "1");
    Ok(cargo)
}

/// The binary of the tests, from what cargo says: one JSON object a line, without spaces.
fn executable(messages: &str) -> Option<PathBuf> {
    let tests = messages.lines().filter(|line| line.contains("\"name\":\"privileged\""));
    let path = |line: &str| Some(line.split_once("\"executable\":\"")?.1.split_once('"')?.0.to_owned());
    tests.into_iter().find_map(path).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_tests_among_what_cargo_says() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"d365-tests"},"executable":null}
{"reason":"compiler-artifact","target":{"name":"privileged"},"executable":"/t/debug/deps/privileged-0123"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(executable(messages), Some(PathBuf::from("/t/debug/deps/privileged-0123")));
        assert_eq!(executable("{}"), None);
    }
}
