//! The date of a document, from its file name.

use std::{fmt, str::FromStr, time::SystemTime};

use serde::{Deserialize, Serialize};

/// A day of the calendar, from 1970 on. It is written as ISO 8601 (`2026-08-03`), and read from eight digits
/// (`20260803`) or from that form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Date(SystemTime);

/// The error for a text that is not a day of the calendar.
const NOT_A_DATE: &str = "not a date as 2026-08-03";

impl FromStr for Date {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let day = match text.len() {
            8 if text.is_ascii() => format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..]),
            10 => text.to_owned(),
            _ => return Err(NOT_A_DATE),
        };
        humantime::parse_rfc3339(&format!("{day}T00:00:00Z")).map(Self).map_err(|_| NOT_A_DATE)
    }
}

impl TryFrom<String> for Date {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        text.parse()
    }
}

impl From<Date> for String {
    fn from(date: Date) -> Self {
        date.to_string()
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = humantime::format_rfc3339_seconds(self.0).to_string();
        f.write_str(time.split('T').next().unwrap_or_default())
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
        let none = "2026080 202608031 20261301 20260001 20260431 20230229 21000229 2026/08/03 +2260803 ２０２ 2026-8-003";
        for text in none.split(' ').chain([""]) {
            assert_eq!(text.parse::<Date>(), Err(NOT_A_DATE), "{text}");
        }
        assert!("20260803".parse::<Date>().unwrap() > "20251231".parse::<Date>().unwrap());
    }
}
