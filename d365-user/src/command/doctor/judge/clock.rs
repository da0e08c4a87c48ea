//! The check of the clock. A list's age, its lease and all waiting times depend on it.

use super::super::finding::{Check, Finding};
use crate::{command::doctor::facts::Clock, gate::Timestamp};

/// Nobody runs a release for this long; a clock beyond it is wrong.
const LONGEST: u64 = 20 * 366 * 86_400;

/// Judges the clock. `list` is the date of the embedded list, which is older than this build.
pub(super) fn judge(clock: &Clock, list: Option<Timestamp>) -> Finding {
    let now = humantime::format_rfc3339_seconds(clock.now.into());
    let advice = "set the clock and run a time service (chrony, systemd-timesyncd): the lease depends on it";
    if list.is_some_and(|list| clock.now < list || clock.now.since(list) > LONGEST) {
        let list = humantime::format_rfc3339_seconds(list.unwrap_or_default().into());
        let found = format!("{now} is not plausible: the embedded list is of {list}");
        return Finding::error(Check::Clock, found, advice);
    }
    match &clock.is_synchronised {
        Ok(true) => Finding::ok(Check::Clock, format!("{now}, synchronised")),
        Ok(false) => Finding::warning(Check::Clock, format!("{now}, not synchronised"), advice),
        Err(unknown) => Finding::unknown(Check::Clock, unknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{command::doctor::finding::Level, kernel::survey::Unknown};

    #[test]
    fn a_clock_is_synchronised_and_plausible() {
        let list = Timestamp(1_785_715_200);
        let level =
            |now, is_synchronised| judge(&Clock { now: Timestamp(now), is_synchronised }, Some(list)).level;
        assert_eq!(level(list.0 + 86_400, Ok(true)), Level::Ok);
        assert_eq!(level(list.0 + 86_400, Ok(false)), Level::Warning);
        assert_eq!(level(list.0 + 86_400, Err(Unknown::Failed("?".to_owned()))), Level::Warning);
        assert_eq!(level(list.0 - 1, Ok(true)), Level::Error);
        assert_eq!(level(list.0 + LONGEST + 1, Ok(true)), Level::Error);
    }
}
