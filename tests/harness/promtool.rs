//! Prometheus' own checker.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};

/// Returns the output of `promtool check metrics` for a text. It is empty if the text is clean.
pub fn complaints(text: &str) -> Result<String> {
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("promtool does not start")?;
    let input = child.stdin.take().context("no standard input")?;
    { input }.write_all(text.as_bytes()).context("promtool does not read")?;
    let output = child.wait_with_output()?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    Ok(if output.status.success() { said } else { format!("{} {said}", output.status) })
}
