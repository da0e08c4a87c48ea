//! The report on lines that tests run: a line for each crate, and the files with the smallest shares. Pure.

use std::{collections::BTreeMap, fmt::Write as _};

use super::lcov::Lines;

/// The number of lines, and the number of those that ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    ran: u64,
    all: u64,
}

impl Sum {
    fn of(lines: &BTreeMap<usize, u64>) -> Self {
        Self { ran: lines.values().filter(|count| **count > 0).count() as u64, all: lines.len() as u64 }
    }

    fn and(self, other: Self) -> Self {
        Self { ran: self.ran + other.ran, all: self.all + other.all }
    }

    /// The lines that ran, per thousand lines, rounded down; 0 without lines.
    pub(super) fn share(self) -> u64 {
        (self.ran * 1000).checked_div(self.all).unwrap_or_default()
    }
}

/// The sum over all files.
pub(super) fn total(lines: &Lines) -> Sum {
    lines.values().map(Sum::of).fold(Sum::default(), Sum::and)
}

/// The report. For files with less than `least` percent, it names the lines that no test ran.
pub(super) fn text(lines: &Lines, least: u64) -> String {
    let mut crates: BTreeMap<&str, Sum> = BTreeMap::new();
    for (path, lines) in lines {
        let sum = crates.entry(path.split('/').next().unwrap_or_default()).or_default();
        *sum = sum.and(Sum::of(lines));
    }
    let mut text = String::from("== lines that tests run ==\n");
    for (name, sum) in crates.into_iter().chain([("together", total(lines))]) {
        let _ = writeln!(text, "{name:<12} {:>6} of {:>6} {}", sum.ran, sum.all, percent(sum));
    }
    let mut few: Vec<_> = lines.iter().map(|(path, lines)| (Sum::of(lines), path, lines)).collect();
    few.retain(|(sum, ..)| sum.share() < least * 10);
    few.sort_by_key(|(sum, path, _)| (sum.share(), *path));
    if !few.is_empty() {
        let _ = writeln!(text, "files below {least} %, and the lines that no test runs:");
    }
    for (sum, path, lines) in few {
        let _ = writeln!(text, "{} {path}: {}", percent(sum), spans(lines));
    }
    text
}

fn percent(sum: Sum) -> String {
    let share = sum.share();
    format!("{:>3}.{} %", share / 10, share % 10)
}

/// The lines that did not run. Lines that are separated only by lines without code form one span.
fn spans(lines: &BTreeMap<usize, u64>) -> String {
    let mut spans: Vec<(usize, usize)> = Vec::new();
    let mut ran = true;
    for (line, count) in lines {
        match spans.last_mut() {
            Some((_, last)) if *count == 0 && !ran => *last = *line,
            _ if *count == 0 => spans.push((*line, *line)),
            _ => {}
        }
        ran = *count > 0;
    }
    let shown = |(first, last): &(usize, usize)| {
        if first == last { first.to_string() } else { format!("{first}–{last}") }
    };
    spans.iter().map(shown).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(files: &[(&str, &[u64])]) -> Lines {
        let lines = |counts: &[u64]| (1..).zip(counts.iter().copied()).collect();
        files.iter().map(|(path, counts)| ((*path).to_owned(), lines(counts))).collect()
    }

    #[test]
    fn each_crate_has_a_line_and_each_poor_file_its_gaps() {
        let lines = lines(&[
            ("d365-common/src/a.rs", &[1, 1, 1, 1, 1, 1, 1, 1, 0, 1]),
            ("d365-user/src/b.rs", &[1, 0, 0, 7, 0]),
        ]);
        let expected = "== lines that tests run ==\n\
                        d365-common       9 of     10  90.0 %\n\
                        d365-user         2 of      5  40.0 %\n\
                        together         11 of     15  73.3 %\n\
                        files below 85 %, and the lines that no test runs:\n \
                        40.0 % d365-user/src/b.rs: 2–3, 5\n";
        assert_eq!(text(&lines, 85), expected);
    }

    #[test]
    fn a_share_is_never_rounded_up() {
        assert_eq!(total(&lines(&[("a/b.rs", &[0, 1, 1])])).share(), 666);
        assert_eq!(total(&Lines::new()).share(), 0);
    }
}
