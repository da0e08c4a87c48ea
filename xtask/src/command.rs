//! Running other programs: an error names the program, what became of it, and what it was called with.

use std::{env, io::IsTerminal as _, path::Path, process::Command};

use anyhow::{Context as _, Result, bail, ensure};

use crate::toolchain;

/// Runs to the end, with our own standard streams.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start `{}`", shown(command)))?;
    ensure!(status.success(), "`{}`: {status}", shown(command));
    Ok(())
}

/// Runs to the end and returns what it prints.
pub(crate) fn stdout(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot start `{}`", shown(command)))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{}`: {}\n{}", shown(command), output.status, stderr.trim_end());
    String::from_utf8(output.stdout).with_context(|| format!("`{}` printed no UTF-8", shown(command)))
}

/// Whether it runs and is content; it shows nothing.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// As one would type it, the environment left out.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let words = program.file_name().into_iter().chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Whether this is CI, where a thing that is missing is a failure.
pub(crate) fn ci() -> bool {
    env::var_os("CI").is_some_and(|ci| ci == "true")
}

/// Whether this runs as root.
pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// `program` to be run by root: itself, or through sudo, which may ask for a password on a terminal only.
pub(crate) fn as_root(program: &str) -> Result<Command> {
    if is_root() {
        return Ok(Command::new(program));
    }
    let Some(sudo) = toolchain::find("sudo") else {
        bail!("this needs root, and there is no sudo: run the same command as root");
    };
    let mut command = Command::new(sudo);
    if !std::io::stdin().is_terminal() {
        command.arg("--non-interactive");
    }
    command.arg("--").arg(program);
    Ok(command)
}
