//! Text for a terminal: aligned columns, and foreign words that cannot move its cursor. Pure.

use std::time::Duration;

/// Rows as lines, with two spaces between the columns. A row may be shorter than the others.
pub(super) fn aligned(rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        format!("{}\n", line.trim_end())
    };
    rows.iter().map(line).collect()
}

/// A word from outside, with its control characters escaped.
pub(super) fn plain(word: &str) -> String {
    let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    word.chars().map(escaped).collect()
}

/// `count` of something: `1 range`, `2 ranges`, `2 prefixes`.
pub(super) fn counted(count: usize, what: &str) -> String {
    let ending = match count {
        1 => "",
        _ if what.ends_with('x') => "es",
        _ => "s",
    };
    format!("{count} {what}{ending}")
}

/// A time in its two largest units: `3 days`, `2 h 30 min`, `40 s`.
pub(super) fn period(time: Duration) -> String {
    let seconds = time.as_secs();
    let days = seconds / 86_400;
    let units = [
        (days, if days == 1 { "day" } else { "days" }),
        (seconds / 3600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let first = units.iter().position(|(count, _)| *count > 0).unwrap_or(3);
    let shown = units[first..].iter().take(2).filter(|(count, _)| *count > 0 || seconds == 0);
    shown.map(|(count, unit)| format!("{count} {unit}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["a", "bb", "c"], vec!["long", "b"], vec!["–", "x", "y"]];
        let rows = rows.map(|row| row.into_iter().map(str::to_owned).collect());
        assert_eq!(aligned(&rows), "a     bb  c\nlong  b\n–     x   y\n");
        assert_eq!(aligned(&[]), "");
    }

    #[test]
    fn a_strangers_word_stays_on_its_line() {
        assert_eq!(plain("West\n\u{1b}[2JUS ü"), "West\\n\\u{1b}[2JUS ü");
    }

    #[test]
    fn a_time_has_its_unit_behind_a_space() {
        for (seconds, shown) in [
            (0, "0 s"),
            (1, "1 s"),
            (60, "1 min"),
            (61, "1 min 1 s"),
            (7200, "2 h"),
            (9001, "2 h 30 min"),
            (86_400, "1 day"),
            (3 * 86_400, "3 days"),
            (3 * 86_400 + 59, "3 days"),
            (2 * 86_400 + 66 * 60, "2 days 1 h"),
        ] {
            assert_eq!(period(Duration::from_secs(seconds)), shown);
        }
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!(["0 ranges", "1 range", "2 ranges"], [0, 1, 2].map(|count| counted(count, "range")));
        assert_eq!(["1 prefix", "2 prefixes"], [1, 2].map(|count| counted(count, "prefix")));
    }
}
