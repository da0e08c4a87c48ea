//! Tasks that end by themselves: `approve`, `check`, `detach`, `doctor`, `drift`, `export` and `ranges`. They
//! write to standard output, log nothing, and change nothing but the request of an approval, a directory of
//! pins, and the file that they are asked to write. They read the facts about a running daemon from its files
//! and from the kernel.

use crate::{cli::Command, exit::Exit};

mod approve;
mod check;
mod detach;
mod doctor;
mod drift;
mod error;
mod export;
mod output;
mod ranges;
mod saved_gates;
mod text;

pub use error::CommandError;

/// Runs the requested task. The exit code is the task's answer.
///
/// # Errors
/// [`CommandError`] if there is no answer; its exit code gives the reason.
pub fn run(command: &Command) -> Result<Exit, CommandError> {
    match command {
        Command::Approve(flags) => approve::run(flags),
        Command::Check(flags) => check::run(flags),
        Command::Detach(flags) => detach::run(flags),
        Command::Doctor(flags) => doctor::run(flags),
        Command::Drift(flags) => drift::run(flags),
        Command::Export(flags) => export::run(flags),
        Command::Ranges(flags) => ranges::run(flags),
    }
}
