//! Prometheus' own checker.

use std::process::Command;

use anyhow::Result;

use crate::command;

/// Returns the output of `promtool check metrics` for a text. It is empty if the text is clean.
pub fn complaints(text: &str) -> Result<String> {
    let output = command::finish(Command::new("promtool").args(["check", "metrics"]), Some(text))?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    Ok(if output.status.success() { said } else { format!("{} {said}", output.status) })
}
