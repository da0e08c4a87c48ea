//! The slowest tests of a run. It passes the tests' output on, and reads the times that libtest appends.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

use crate::command;

/// Number of tests that are shown.
const SHOWN: usize = 10;
/// Arguments of a test binary for the time of each test. They are unstable: see [`VARIABLE`].
pub(super) const ARGUMENTS: [&str; 2] = ["-Zunstable-options", "--report-time"];
/// With this variable, a stable libtest accepts unstable arguments. Cargo must not see it: it would rebuild
/// crates.
pub(super) const VARIABLE: &str = "RUSTC_BOOTSTRAP=1";

/// The times of the tests that ran.
#[derive(Default)]
pub(super) struct Times(BTreeSet<(Duration, String)>);

impl Times {
    /// Runs a command to its end, passes its standard output on, and adds the times in it.
    pub(super) fn run(&mut self, command: &mut Command) -> Result<()> {
        let shown = command::shown(command);
        let mut child =
            command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start `{shown}`"))?;
        let output = child.stdout.take().context("no standard output")?;
        for line in BufReader::new(output).split(b'\n') {
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            self.0.extend(time(&line));
        }
        let status = child.wait()?;
        ensure!(status.success(), "`{shown}`: {status}");
        Ok(())
    }

    /// Prints the slowest tests.
    pub(super) fn show(&self) {
        println!("\nslowest tests:");
        for (time, name) in self.0.iter().rev().take(SHOWN) {
            println!("{:>8.1} s  {name}", time.as_secs_f64());
        }
    }
}

/// The time and the name of the test in a line `test NAME ... ok <1.234s>`.
fn time(line: &str) -> Option<(Duration, String)> {
    let (name, outcome) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let (_, seconds) = outcome.strip_suffix("s>")?.rsplit_once('<')?;
    Some((Duration::try_from_secs_f64(seconds.parse().ok()?).ok()?, name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_from_the_line_of_a_test() {
        let read = |line| time(line).map(|(time, name)| (time.as_millis(), name));
        assert_eq!(read("test a::b ... ok <1.250s>"), Some((1250, "a::b".to_owned())));
        assert_eq!(read("test a::b ... FAILED <0.001s>"), Some((1, "a::b".to_owned())));
        for line in ["test a::b ... ok", "test result: ok. 3 passed <1s", "running 3 tests", ""] {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
