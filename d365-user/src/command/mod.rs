//! Tasks that end by themselves: `approve`, `doctor`, `drift` and `ranges`. They write to standard output,
//! log nothing, and change nothing but the request of an approval. They read the facts about a running daemon
//! from its files and from the kernel.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

use serde::Serialize;

use crate::{
    cli::Command,
    exit::Exit,
    gate::{
        GatePolicy,
        gates::{self, Gates},
    },
    state::{Found, StateError},
};

mod approve;
mod doctor;
mod drift;
mod error;
mod ranges;
mod text;

pub use error::CommandError;

/// Runs the requested task. The exit code is the task's answer.
///
/// # Errors
/// [`CommandError`] if there is no answer; its exit code gives the reason.
pub fn run(command: &Command) -> Result<Exit, CommandError> {
    match command {
        Command::Approve(flags) => approve::run(flags),
        Command::Doctor(flags) => doctor::run(flags),
        Command::Drift(flags) => drift::run(flags),
        Command::Ranges(flags) => ranges::run(flags),
    }
}

/// A report as JSON, with a line break at its end.
fn json(report: &impl Serialize) -> Result<String, CommandError> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    Ok(text)
}

/// Writes to standard output. A reader that has gone away has read enough: that is no error.
fn show(text: &str) -> Result<(), CommandError> {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(CommandError::Output(error)),
        _ => Ok(()),
    }
}

/// The gates that are saved in `directory`; `None` if none are saved yet.
fn gates(directory: &Path, policy: GatePolicy) -> Result<Option<Gates>, CommandError> {
    let failed = |cause| StateError::Directory { path: directory.to_owned(), cause };
    if !fs::metadata(directory).map_err(failed)?.is_dir() {
        return Err(failed(io::ErrorKind::NotADirectory.into()).into());
    }
    match gates::look(directory, policy)? {
        Found::Whole(gates) => Ok(Some(gates)),
        Found::Nothing => Ok(None),
        Found::Damaged { damage, .. } => {
            Err(CommandError::Damaged { path: directory.join(gates::FILE), damage })
        }
    }
}
