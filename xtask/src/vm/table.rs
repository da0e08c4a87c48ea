//! The table of tests by kernel, the reasons for all tests that were left out, and the output of all tests
//! that failed. Pure.

use std::fmt::Write as _;

use super::{libtest::Outcome, rounds::Column};

/// The most characters that are shown of a line of a failure's output.
const LINE: usize = 500;

/// The narrowest cell of the table.
const CELL: usize = 6;

/// Renders all three, below the note on the selection.
pub(super) fn render(note: Option<&str>, tests: &[String], columns: &[Column]) -> String {
    let width = tests.iter().map(String::len).max().unwrap_or(0).max("left out".len());
    let widths: Vec<usize> = columns.iter().map(|column| column.machine.len().max(CELL)).collect();
    let mut reasons: Vec<&str> = Vec::new();
    let mut text = String::new();
    for test in tests {
        let cells = columns.iter().map(|column| match column.outcomes.get(test) {
            Some(Outcome::LeftOut(reason)) => format!("[{}]", number(&mut reasons, reason)),
            outcome => outcome.map_or("?", Outcome::word).to_owned(),
        });
        row(&mut text, width, &widths, test, cells);
    }
    let mut whole = String::from("\n");
    if let Some(note) = note {
        let _ = writeln!(whole, "{note}");
    }
    row(&mut whole, width, &widths, "", columns.iter().map(|column| column.machine.clone()));
    whole.push_str(&text);
    for (what, counted) in [("passed", 0), ("left out", 1), ("failed", 2)] {
        row(
            &mut whole,
            width,
            &widths,
            what,
            columns.iter().map(|column| column.counts()[counted].to_string()),
        );
    }
    row(&mut whole, width, &widths, "boots", columns.iter().map(|column| column.boots.to_string()));
    row(
        &mut whole,
        width,
        &widths,
        "seconds",
        columns.iter().map(|column| column.took.as_secs().to_string()),
    );
    for (number, reason) in (1..).zip(&reasons) {
        let _ = writeln!(whole, "[{number}] left out: {reason}");
    }
    for column in columns {
        for (test, outcome) in &column.outcomes {
            match outcome {
                Outcome::Failed(words) => {
                    let _ = writeln!(whole, "\nLinux {}: {test} failed", column.release);
                    words.trim_end().lines().for_each(|line| quote(&mut whole, line));
                }
                Outcome::Died(how) => {
                    let _ = writeln!(whole, "\nLinux {}: {how} during {test}", column.release);
                }
                Outcome::Passed | Outcome::LeftOut(_) => (),
            }
        }
    }
    whole.push('\n');
    whole
}

/// Adds a line. Only the log has the end of a long line (such as one of a verifier's log).
fn quote(text: &mut String, line: &str) {
    text.extend(line.chars().take(LINE));
    text.push_str(if line.chars().nth(LINE).is_some() { " …\n" } else { "\n" });
}

/// Adds a row of the table: its name in `width` columns, and its cells in `widths`.
fn row(text: &mut String, width: usize, widths: &[usize], name: &str, cells: impl Iterator<Item = String>) {
    let _ = write!(text, "{name:width$}");
    for (cell, width) in cells.zip(widths) {
        let _ = write!(text, "  {cell:>width$}");
    }
    text.push('\n');
}

/// Returns the reason's number, from 1. A new reason is added.
fn number<'a>(reasons: &mut Vec<&'a str>, reason: &'a str) -> usize {
    let known = reasons.iter().position(|known| *known == reason);
    1 + known.unwrap_or_else(|| {
        reasons.push(reason);
        reasons.len() - 1
    })
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use super::*;

    #[test]
    fn every_outcome_is_shown_with_its_reason() {
        let column = |machine: &str, outcomes: [(&str, Outcome); 2]| Column {
            machine: machine.to_owned(),
            release: format!("{machine}.0-x"),
            outcomes: BTreeMap::from(outcomes.map(|(test, outcome)| (test.to_owned(), outcome))),
            boots: 2,
            took: Duration::from_secs(61),
        };
        let columns = [
            column(
                "5.10",
                [
                    ("a::b", Outcome::LeftOut("needs Linux 6.6 (tcx)".to_owned())),
                    ("c", Outcome::Died("the machine went down".to_owned())),
                ],
            ),
            column("6.12", [("a::b", Outcome::Passed), ("c", Outcome::Failed("left: 1\n".to_owned()))]),
        ];
        let tests = ["a::b", "c"].map(str::to_owned);
        let expected = "
2 of 9 tests: some
            5.10    6.12
a::b         [1]      ok
c           DIED  FAILED
passed         0       1
left out       1       0
failed         1       1
boots          2       2
seconds       61      61
[1] left out: needs Linux 6.6 (tcx)

Linux 5.10.0-x: the machine went down during c

Linux 6.12.0-x: c failed
left: 1

";
        assert_eq!(render(Some("2 of 9 tests: some"), &tests, &columns), expected);
    }
}
