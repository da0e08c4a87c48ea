//! Programs that run to their end.

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};

use anyhow::{Context as _, Result, ensure};

/// Runs a program with this text on its standard input, and returns its standard output. An exit status other
/// than 0 is an error that contains the program's standard error.
pub(crate) fn output(command: &mut Command, input: Option<&str>) -> Result<String> {
    let Output { status, stdout, stderr } = finish(command, input)?;
    let stderr = String::from_utf8_lossy(&stderr);
    let input = input.map(|input| format!("\nits input:\n{input}")).unwrap_or_default();
    ensure!(status.success(), "{}: {status}: {}{input}", describe(command), stderr.trim());
    Ok(String::from_utf8_lossy(&stdout).into_owned())
}

/// Runs a program with this text on its standard input, and returns its exit status and its output.
pub(crate) fn finish(command: &mut Command, input: Option<&str>) -> Result<Output> {
    let described = describe(command);
    let context = || format!("cannot start {described}");
    let Some(input) = input else { return command.output().with_context(context) };
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(context)?;
    let written = child.stdin.take().context("no standard input")?.write_all(input.as_bytes());
    // A program that rejects its input may not read all of it. Its own message explains more than the failed
    // write.
    let output = child.wait_with_output()?;
    ensure!(written.is_ok() || !output.status.success(), "{described} did not read its input");
    Ok(output)
}

/// The command line as a user would type it.
pub(crate) fn describe(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    format!("`{}`", words.join(" "))
}
