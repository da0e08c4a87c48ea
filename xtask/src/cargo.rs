//! Calls cargo, and finds the directories that cargo uses.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::{command, toolchain};

/// The profile that the daemon is built with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Profile {
    /// Quick to build; the tests run this build.
    Debug,
    /// The build that users run.
    Release,
}

/// A binary that contains tests.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TestBinary {
    /// The target that it is built from.
    pub(crate) target: String,
    pub(crate) path: PathBuf,
}

pub(crate) fn workspace() -> PathBuf {
    let xtask = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&xtask).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// The directory of cargo's output: two levels above this program.
pub(crate) fn target_dir() -> Result<PathBuf> {
    let program = env::current_exe().context("cannot find this program")?;
    let dir = program.parent().and_then(Path::parent);
    dir.map(Path::to_path_buf).with_context(|| format!("{} is in no target directory", program.display()))
}

/// The PATH for every program that we start: our own tools, the user's PATH, cargo's programs, and the
/// administrator's programs.
pub(crate) fn path() -> Result<OsString> {
    let mut dirs = vec![crate::tools::unpacked()?];
    dirs.extend(toolchain::search_path());
    dirs.extend(["/usr/sbin".into(), "/sbin".into()]);
    Ok(env::join_paths(dirs)?)
}

/// The cargo that runs us, started in the workspace.
pub(crate) fn cargo() -> Result<Command> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace()).env("PATH", path()?);
    Ok(cargo)
}

/// Builds the daemon with these variables, and returns its path.
pub(crate) fn build_daemon(profile: Profile, variables: &[(&str, OsString)]) -> Result<PathBuf> {
    let mut build = cargo()?;
    build.envs(variables.iter().cloned());
    // The features are those of the whole workspace, so that a later `cargo test --workspace` builds nothing
    // twice.
    build.args(["build", "--workspace", "--exclude", "d365-ebpf", "--bin", "d365-user"]);
    let dir = match profile {
        Profile::Debug => "debug",
        Profile::Release => {
            build.arg("--release");
            "release"
        }
    };
    command::run(&mut build)?;
    let daemon = target_dir()?.join(dir).join("d365-user");
    ensure!(daemon.is_file(), "cargo built the daemon, but it is not at {}", daemon.display());
    Ok(daemon)
}

/// Makes `test`, a `cargo test` with its selection, build the tests without running them. Returns the
/// binaries.
pub(crate) fn build_tests(test: &mut Command) -> Result<Vec<TestBinary>> {
    test.args(["--no-run", "--message-format=json-render-diagnostics"]);
    test_binaries(&command::stdout(test.stderr(Stdio::inherit()))?)
}

/// Reads the binaries from cargo's messages: one JSON object a line
/// ([the format](https://doc.rust-lang.org/cargo/reference/external-tools.html#json-messages)).
fn test_binaries(messages: &str) -> Result<Vec<TestBinary>> {
    let mut binaries = Vec::new();
    for line in messages.lines() {
        let message: Value = serde_json::from_str(line)
            .with_context(|| format!("cargo printed text that is not JSON: {line}"))?;
        let target = message["target"]["name"].as_str();
        if let (Some(target), Some(path)) = (target, message["executable"].as_str()) {
            binaries.push(TestBinary { target: target.to_owned(), path: path.into() });
        }
    }
    Ok(binaries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_binaries_in_what_cargo_says() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"d365-tests"},"executable":null}
{"reason":"compiler-artifact","target":{"name":"privileged"},"executable":"/t/debug/deps/privileged-0123"}
{"reason":"compiler-artifact","target":{"name":"xtask"},"executable":"/a \"place\"/xtask-4567"}
{"reason":"build-finished","success":true}"#;
        let binary = |target: &str, path: &str| TestBinary { target: target.to_owned(), path: path.into() };
        assert_eq!(
            test_binaries(messages).unwrap(),
            [
                binary("privileged", "/t/debug/deps/privileged-0123"),
                binary("xtask", "/a \"place\"/xtask-4567")
            ]
        );
        assert!(test_binaries("").unwrap().is_empty());
        assert!(test_binaries("Compiling").is_err());
    }
}
