//! The date of a document, from its file name.

use std::{fmt, str::FromStr};

/// A day of the calendar. It is written as ISO 8601 (`2026-08-03`), and read from eight digits (`20260803`)
/// or from that form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// The text is not a day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a date as 2026-08-03")]
pub struct NotADate;

impl FromStr for Date {
    type Err = NotADate;

    fn from_str(text: &str) -> Result<Self, NotADate> {
        let bytes = text.as_bytes();
        let (year, month, day) = match bytes.len() {
            8 => (&bytes[..4], &bytes[4..6], &bytes[6..]),
            10 if bytes[4] == b'-' && bytes[7] == b'-' => (&bytes[..4], &bytes[5..7], &bytes[8..]),
            _ => return Err(NotADate),
        };
        let year = number(year).ok_or(NotADate)?;
        let small = |digits| number(digits).and_then(|number| u8::try_from(number).ok()).ok_or(NotADate);
        let (month, day) = (small(month)?, small(day)?);
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            2 => 28 + u8::from(leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return Err(NotADate),
        };
        if (1..=days).contains(&day) { Ok(Self { year, month, day }) } else { Err(NotADate) }
    }
}

/// Reads a number. The callers pass at most four digits, which fit.
fn number(digits: &[u8]) -> Option<u16> {
    digits
        .iter()
        .try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u16::from(digit - b'0')))
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_the_calendar() {
        for (text, written) in
            [("20260803", "2026-08-03"), ("2024-02-29", "2024-02-29"), ("20000229", "2000-02-29")]
        {
            assert_eq!(text.parse::<Date>().unwrap().to_string(), written);
        }
        for text in [
            "",
            "2026080",
            "202608031",
            "20261301",
            "20260001",
            "20260800",
            "20260431",
            "20230229",
            "21000229",
            "2026/08/03",
            "+2260803",
            "２０２",
            "2026-8-003",
        ] {
            assert_eq!(text.parse::<Date>(), Err(NotADate), "{text}");
        }
        assert!("20260803".parse::<Date>().unwrap() > "20251231".parse::<Date>().unwrap());
    }
}
