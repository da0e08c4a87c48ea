//! Prometheus' own checker.

use std::process::{Command, Output};

use anyhow::Result;

use crate::command;

/// Returns the output of `promtool check metrics` for a text. It is empty if the text is clean.
pub fn complaints(text: &str) -> Result<String> {
    let Output { status, stdout, stderr } =
        command::finish(Command::new("promtool").args(["check", "metrics"]), Some(text))?;
    let output = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
    Ok(if status.success() { output } else { format!("{status} {output}") })
}
