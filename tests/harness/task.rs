//! The program's tasks, which end by themselves (`d365-user drift`): run to their end, with no environment of the test's.

use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result};

use crate::{daemon, environment};

/// How a task ended.
#[derive(Clone, Debug)]
pub struct Done {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// All that it wrote to standard output.
    pub stdout: String,
    /// All that it wrote to standard error.
    pub stderr: String,
}

/// The command, with nothing to read on standard input and no variables of the test's own environment.
pub fn command(arguments: &[&str]) -> Result<Command> {
    let binary =
        daemon::binary().context("no d365-user binary: cargo build -p d365-user, or set D365_USER_BIN")?;
    let mut command = Command::new(binary);
    command.args(arguments).stdin(Stdio::null());
    environment::clear(&mut command);
    Ok(command)
}

/// Runs a task to its end.
pub fn run(arguments: &[&str]) -> Result<Done> {
    let Output { status, stdout, stderr } = command(arguments)?.output()?;
    let text = |bytes| String::from_utf8(bytes).context("not UTF-8");
    Ok(Done { code: status.code(), stdout: text(stdout)?, stderr: text(stderr)? })
}
