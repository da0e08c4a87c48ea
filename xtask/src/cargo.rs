//! Calling cargo, and the places that it knows.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use crate::{command, toolchain};

/// How the daemon is built.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Profile {
    /// Quick to build; what the tests run.
    Debug,
    /// What users run.
    Release,
}

/// The workspace's directory.
pub(crate) fn workspace() -> PathBuf {
    let xtask = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&xtask).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// The directory of cargo's output: two above this program.
pub(crate) fn target_dir() -> Result<PathBuf> {
    let program = env::current_exe().context("cannot find this program")?;
    let dir = program.parent().and_then(Path::parent);
    dir.map(Path::to_path_buf).with_context(|| format!("{} is in no target directory", program.display()))
}

/// The PATH for everything that we start: tools of our own, the user's PATH, cargo's and the administrator's
/// programs.
pub(crate) fn path() -> Result<OsString> {
    let mut dirs = vec![crate::tools::unpacked()?];
    dirs.extend(toolchain::search_path());
    dirs.extend(["/usr/sbin".into(), "/sbin".into()]);
    Ok(env::join_paths(dirs)?)
}

/// The cargo that runs us, in the workspace.
pub(crate) fn cargo() -> Result<Command> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace()).env("PATH", path()?);
    Ok(cargo)
}

/// Builds the daemon, with these variables, and says where it is.
pub(crate) fn build_daemon(profile: Profile, variables: &[(&str, OsString)]) -> Result<PathBuf> {
    let mut build = cargo()?;
    build.envs(variables.iter().cloned());
    // The features of the whole workspace, so that a later `cargo test --workspace` builds nothing twice.
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
