//! Times, durations and lists as values of fields.

use std::{
    fmt::Display,
    time::{Duration, UNIX_EPOCH},
};

/// A time in RFC 3339, to the second, from seconds since the Unix epoch. That format has no years of five
/// digits.
pub fn time(seconds: u64) -> impl Display {
    /// 10000-01-01T00:00:00Z.
    const YEAR_10000: u64 = 253_402_300_800;
    let time = (seconds < YEAR_10000).then(|| UNIX_EPOCH.checked_add(Duration::from_secs(seconds))).flatten();
    time.map_or_else(
        || "a year after 9999".to_owned(),
        |time| humantime::format_rfc3339_seconds(time).to_string(),
    )
}

/// A duration in the form that the flags take, to the second.
pub fn duration(time: Duration) -> impl Display {
    humantime::format_duration(Duration::from_secs(time.as_secs()))
}

/// The items of a list, with a comma between two.
pub fn list<T: Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
