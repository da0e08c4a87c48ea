//! `cargo xtask run` and `cargo xtask demo`: from a clean clone to a running daemon.

use std::{
    env,
    ffi::OsString,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use crate::{cargo, command, demo as lab, setup};

/// Replaces this process by the daemon, so that signals and the exit code are the daemon's own.
pub(crate) fn daemon(args: &[OsString]) -> Result<()> {
    become_root(&build()?, args)
}

/// Shows the daemon in the lab, which only root can make.
pub(crate) fn demo(daemon: Option<PathBuf>) -> Result<()> {
    let daemon = daemon.map_or_else(build, Ok)?;
    if command::sudo().is_none() {
        return lab::run(&daemon);
    }
    become_root(&env::current_exe()?, &["demo".into(), "--daemon".into(), daemon.into()])
}

fn build() -> Result<PathBuf> {
    setup::ensure(setup::Options::default())?;
    cargo::daemon("release", &[], &[])
}

/// Replaces this program by another, as root if sudo is available. Returns only on an error.
fn become_root(program: &Path, args: &[OsString]) -> Result<()> {
    let mut command = match command::sudo() {
        Some(sudo) => {
            let mut command = Command::new(sudo);
            // Every flag of the daemon can come from the environment.
            command.args(["-E", "--"]).arg(program);
            command
        }
        None => Command::new(program),
    };
    let error = command.args(args).exec();
    Err(error).with_context(|| format!("cannot start `{}`", command::shown(&command)))
}
