//! Calls cargo, and finds the directories that cargo uses.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};
use d365_tests::require::on_path;
use serde_json::Value;

use crate::{command, toolchain};

/// A variable for a call of cargo: its name and its value.
pub(crate) type Variable = (String, OsString);

/// The daemon's package and its program.
const DAEMON: &str = "d365-user";

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

/// Programs of tests with their Debian packages, which are unpacked below the target directory. Their
/// installation would start services.
pub(crate) const UNPACKED: [(&str, &str); 2] =
    [("promtool", "prometheus"), ("prometheus-node-exporter", "prometheus-node-exporter")];

/// The PATH for every program that we start: our own tools, the user's PATH, cargo's programs, and the
/// administrator's programs.
pub(crate) fn path() -> Result<OsString> {
    let tools = target_dir()?.join("tools");
    let mut dirs = UNPACKED.map(|(_, package)| tools.join(package).join("usr/bin")).to_vec();
    dirs.extend(toolchain::search_path());
    dirs.extend(["/usr/sbin".into(), "/sbin".into()]);
    Ok(env::join_paths(dirs)?)
}

/// A program of this machine, by its path.
pub(crate) fn find(program: &str) -> Result<PathBuf> {
    on_path(program, &path()?).with_context(|| format!("there is no program {program} on the PATH"))
}

/// The cargo that runs us, started in the workspace.
pub(crate) fn cargo() -> Result<Command> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace()).env("PATH", path()?);
    Ok(cargo)
}

/// Builds the daemon with this profile and these variables, and returns its path. `with` is a target that is
/// built next: both get dependencies with the same features, so nothing is built twice.
pub(crate) fn daemon(profile: &str, with: &[&str], variables: &[Variable]) -> Result<PathBuf> {
    let mut build = cargo()?;
    build.envs(variables.iter().cloned());
    build.args(["build", "--workspace", "--exclude", "d365-ebpf", "--bin", DAEMON, "--profile", profile]);
    let [daemon] = built(build.args(with), [DAEMON])?;
    Ok(daemon)
}

/// Runs a build, and returns the paths of the programs that it makes of these targets.
pub(crate) fn built<const N: usize>(build: &mut Command, targets: [&str; N]) -> Result<[PathBuf; N]> {
    let messages =
        command::stdout(build.arg("--message-format=json-render-diagnostics").stderr(Stdio::inherit()))?;
    let mut programs = [const { PathBuf::new() }; N];
    for (path, target) in programs.iter_mut().zip(targets) {
        *path = program(&messages, target)?
            .with_context(|| format!("cargo built {target}, but its messages name no program"))?;
    }
    Ok(programs)
}

/// Finds the program of a target in cargo's messages: one JSON object a line
/// ([the format](https://doc.rust-lang.org/cargo/reference/external-tools.html#json-messages)).
fn program(messages: &str, target: &str) -> Result<Option<PathBuf>> {
    for line in messages.lines() {
        let message: Value = serde_json::from_str(line)
            .with_context(|| format!("cargo printed text that is not JSON: {line}"))?;
        if let Some(path) = message["executable"].as_str().filter(|_| message["target"]["name"] == target) {
            return Ok(Some(path.into()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_program_in_cargos_messages() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"privileged"},"executable":null}
{"reason":"compiler-artifact","target":{"name":"xtask"},"executable":"/a \"place\"/xtask-4567"}
{"reason":"compiler-artifact","target":{"name":"privileged"},"executable":"/t/debug/deps/privileged-0123"}
{"reason":"build-finished","success":true}"#;
        let found = |target| program(messages, target).unwrap();
        assert_eq!(found("privileged"), Some("/t/debug/deps/privileged-0123".into()));
        assert_eq!(found("xtask"), Some("/a \"place\"/xtask-4567".into()));
        assert_eq!(found("d365-user"), None);
        assert!(program("Compiling", "xtask").is_err());
    }
}
