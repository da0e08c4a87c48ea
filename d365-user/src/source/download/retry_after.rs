//! The pause that a server asks for: `Retry-After` (RFC 9110, 10.2.3). Pure: no I/O.

use std::time::{Duration, SystemTime};

/// Longest pause that is granted. No server can keep a host from its list for longer.
const LONGEST: Duration = Duration::from_hours(24);

/// Returns the pause that the field's value asks for at `now`. The value is a number of seconds, or a date in
/// any of HTTP's three forms. Returns `None` for any other value.
pub(super) fn asked(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let asked = if is_number {
        // A number that does not fit is longer than the limit.
        value.parse().map_or(LONGEST, Duration::from_secs)
    } else {
        let until = httpdate::parse_http_date(value).ok()?;
        until.duration_since(now).unwrap_or_default()
    };
    Some(asked.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT, the RFC's own example.
    fn date() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777)
    }

    #[test]
    fn seconds_are_taken_up_to_a_day() {
        for (value, seconds) in [("0", 0), ("120", 120), (" 7\t", 7), ("86400", 86_400), ("86401", 86_400)] {
            assert_eq!(asked(value, date()), Some(Duration::from_secs(seconds)), "{value}");
        }
        assert_eq!(asked(&"9".repeat(400), date()), Some(LONGEST));
    }

    #[test]
    fn dates_are_taken_in_all_three_forms() {
        for value in
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
        {
            assert_eq!(
                asked(value, date() - Duration::from_secs(30)),
                Some(Duration::from_secs(30)),
                "{value}"
            );
            assert_eq!(
                asked(value, date() + Duration::from_secs(30)),
                Some(Duration::ZERO),
                "it is over: {value}"
            );
            assert_eq!(asked(value, SystemTime::UNIX_EPOCH), Some(LONGEST), "{value}");
        }
    }

    #[test]
    fn anything_else_asks_for_nothing() {
        for value in ["", "soon", "-1", "+5", "1.5", "5s", "1e3", "٣", "Sun, 06 Nov 1994"] {
            assert_eq!(asked(value, date()), None, "{value:?}");
        }
    }
}
