//! Reads libFuzzer's final output. Pure.

use std::fmt;

/// The result of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    executions: u64,
    /// Executions in a second.
    rate: u64,
    /// Edges of the program's control flow that were reached.
    edges: u64,
    /// Inputs that are kept because each reaches code that no other reaches.
    inputs: u64,
    pub(super) fault: Option<Fault>,
}

/// The fault that a fuzzer stopped at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The message of libFuzzer or of the sanitizer.
    what: String,
    /// The input that shows the fault, if there is one.
    artifact: Option<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { executions, rate, edges, inputs, fault } = self;
        write!(f, "{executions:>10} executions {rate:>7}/s {edges:>6} edges {inputs:>5} inputs  ")?;
        f.write_str(if fault.is_none() { "ok" } else { "FOUND SOMETHING" })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, artifact } = self;
        f.write_str(what)?;
        artifact.iter().try_for_each(|artifact| write!(f, ", by {artifact}"))
    }
}

/// Reads the report of a run. Returns `None` if the run ended well but printed no numbers.
pub(super) fn read(words: &str, ended_well: bool) -> Option<Report> {
    let stat = |name: &str| {
        let value =
            words.lines().find_map(|line| line.strip_prefix("stat::")?.strip_prefix(name)?.strip_prefix(':'));
        value.and_then(|value| value.trim().parse().ok())
    };
    // `#8192 pulse  cov: 412 ft: 980 corp: 57/3120b …`
    let status = words.lines().rfind(|line| line.starts_with('#') && line.contains(" cov: "));
    let number = |name: &str| {
        let behind = status?.split(name).nth(1)?;
        behind.trim_start().split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    let executions = stat("number_of_executed_units");
    let numbers = executions.is_some() && status.is_some();
    if ended_well && !numbers {
        return None;
    }
    let fault = (!ended_well).then(|| Fault {
        what: line_behind(words, "SUMMARY: ").unwrap_or("it failed without a message").to_owned(),
        artifact: line_behind(words, "Test unit written to ").map(str::to_owned),
    });
    Some(Report {
        executions: executions.unwrap_or_default(),
        rate: stat("average_exec_per_sec").unwrap_or_default(),
        edges: number(" cov: ").unwrap_or_default(),
        inputs: number(" corp: ").unwrap_or_default(),
        fault,
    })
}

fn line_behind<'a>(words: &'a str, mark: &str) -> Option<&'a str> {
    words.lines().find_map(|line| line.split_once(mark)).map(|(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
INFO: Running with entropic power schedule (0xFF, 100).
#2\tINITED cov: 6 ft: 9 corp: 1/1b exec/s: 0 rss: 40Mb
#8192\tpulse  cov: 412 ft: 980 corp: 57/3120b lim: 80 exec/s: 4096 rss: 61Mb
#16384\tDONE   cov: 413 ft: 981 corp: 58/3121b lim: 80 exec/s: 3276 rss: 61Mb
Done 16384 runs in 5 second(s)
stat::number_of_executed_units: 16384
stat::average_exec_per_sec:     3276
stat::new_units_added:          56
";
    const BAD: &str = "\
#2\tINITED cov: 6 ft: 9 corp: 1/1b exec/s: 0 rss: 40Mb
==7== ERROR: libFuzzer: deadly signal
SUMMARY: libFuzzer: deadly signal
artifact_prefix='/t/a/'; Test unit written to /t/a/crash-0123
stat::number_of_executed_units: 3
stat::average_exec_per_sec:     0
";

    #[test]
    fn a_run_to_its_end_gives_its_last_numbers() {
        let report = read(GOOD, true).unwrap();
        assert_eq!(report, Report { executions: 16_384, rate: 3276, edges: 413, inputs: 58, fault: None });
        let line = report.to_string();
        assert_eq!(line, "     16384 executions    3276/s    413 edges    58 inputs  ok");
        assert_eq!(read("no numbers", true), None);
    }

    #[test]
    fn what_is_found_is_named_with_its_input() {
        let report = read(BAD, false).unwrap();
        assert_eq!((report.executions, report.edges), (3, 6));
        assert!(report.to_string().ends_with("FOUND SOMETHING"));
        assert_eq!(report.fault.unwrap().to_string(), "libFuzzer: deadly signal, by /t/a/crash-0123");
        let silent = read("", false).unwrap().fault.unwrap();
        assert_eq!(silent.to_string(), "it failed without a message");
    }
}
