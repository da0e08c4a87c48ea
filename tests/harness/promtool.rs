//! Prometheus' own checker.

use std::{
    path::Path,
    process::{Command, Output},
};

use anyhow::Result;

use crate::command;

/// Returns the output of `promtool check metrics` for a text. It is empty if the text is clean.
pub fn complaints(text: &str) -> Result<String> {
    let Output { status, stdout, stderr } =
        command::finish(Command::new("promtool").args(["check", "metrics"]), Some(text))?;
    let output = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
    Ok(if status.success() { output } else { format!("{status} {output}") })
}

/// Returns `None` if `promtool check KIND` accepts the file, and otherwise its output.
pub fn refusal(kind: &str, path: &Path) -> Result<Option<String>> {
    let Output { status, stdout, stderr } =
        command::finish(Command::new("promtool").args(["check", kind]).arg(path), None)?;
    let output = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
    Ok((!status.success()).then_some(output))
}
