//! The program's tasks, which end by themselves (`d365-user drift`). They run to their end without the test's
//! environment.

use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result};

use crate::{daemon, environment};

/// The result of a task.
#[derive(Clone, Debug)]
pub struct Done {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// All that it wrote to standard output.
    pub stdout: String,
    /// All that it wrote to standard error.
    pub stderr: String,
}

/// Builds the command, with an empty standard input and without variables of the test's own environment.
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
