//! Runs other programs. An error names the program, its arguments, and its exit status.

use std::{
    env,
    io::IsTerminal as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use crate::toolchain;

/// Runs a command to its end, with our own standard streams.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start `{}`", shown(command)))?;
    ensure!(status.success(), "`{}`: {status}", shown(command));
    Ok(())
}

/// Runs a command to its end, and returns its standard output.
pub(crate) fn stdout(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot start `{}`", shown(command)))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{}`: {}\n{}", shown(command), output.status, stderr.trim_end());
    String::from_utf8(output.stdout).with_context(|| format!("`{}` printed no UTF-8", shown(command)))
}

/// The command as a user would type it, without the environment.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let words = program.file_name().into_iter().chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Returns true in CI, where something that is missing is a failure.
pub(crate) fn ci() -> bool {
    env::var_os("CI").is_some_and(|ci| ci == "true")
}

pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// The sudo that makes us root; `None` if we are root, or without sudo.
pub(crate) fn sudo() -> Option<PathBuf> {
    toolchain::find("sudo").filter(|_| !is_root())
}

/// `program`, run by root: directly, or through sudo, which may ask for a password only on a terminal.
pub(crate) fn as_root(program: &str) -> Result<Command> {
    let Some(sudo) = sudo() else {
        ensure!(is_root(), "this needs root, and there is no sudo: run the same command as root");
        return Ok(Command::new(program));
    };
    let mut command = Command::new(sudo);
    command.args((!std::io::stdin().is_terminal()).then_some("--non-interactive"));
    command.arg("--").arg(program);
    Ok(command)
}
