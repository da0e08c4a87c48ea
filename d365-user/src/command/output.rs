//! Writes a task's report to standard output.

use std::io::{self, Write as _};

use serde::Serialize;

use super::error::CommandError;

/// A report as JSON, with a line break at its end.
pub(super) fn json(report: &impl Serialize) -> Result<String, CommandError> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    Ok(text)
}

/// Writes to standard output. A reader that has gone away has read enough: that is no error.
pub(super) fn show(text: &str) -> Result<(), CommandError> {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(CommandError::Output(error)),
        _ => Ok(()),
    }
}
