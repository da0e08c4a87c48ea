//! Flags about updates of the range list: the sources of downloads, the holds of the gate, and the lease.

use std::{path::PathBuf, time::Duration};

use clap::{Args, builder::BoolishValueParser};

use crate::{
    settings::LeaseTerm,
    source::download::{Host, Url, UserAgent},
    state::DEFAULT_DIRECTORY,
};

/// The flags, each valid by itself.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Updates of the ranges")]
pub(crate) struct UpdateFlags {
    /// Page that lists the current service tags document, in place of the vendor's (`azure` sources)
    #[arg(long, env = "D365_PAGE_URL", value_name = "URL")]
    pub(crate) page_url: Option<Url>,

    /// Host (`NAME[:PORT]`) that a download may come from, in addition to the vendor's and that of a source's
    /// own URL; repeat it, or separate hosts by commas
    #[arg(long, env = "D365_ALLOW_HOST", value_name = "HOST", value_delimiter = ',')]
    pub(crate) allow_host: Vec<Host>,

    /// The name by which servers know this program [default: Mozilla/5.0 (compatible; d365-user/VERSION)]
    #[arg(long, env = "D365_USER_AGENT", value_name = "TEXT")]
    pub(crate) user_agent: Option<UserAgent>,

    /// Interval at which downloaded lists are fetched again, give or take a tenth
    #[arg(long, env = "D365_REFRESH", value_name = "TIME", default_value = "6h", value_parser = time)]
    pub(crate) refresh: Duration,

    /// New ranges of a download are used when a later fetch, this long after the first, shows them too
    #[arg(long, env = "D365_CONFIRM_AFTER", value_name = "TIME", default_value = "1h", value_parser = time)]
    pub(crate) confirm_after: Duration,

    /// Apply held changes (removals above all) after they were offered this long without a break, or when
    /// approved. Time counts between two good readings in a row that show the change: not while the daemon is
    /// off, nor around a failed reading, nor where more than --refresh and a tenth passed
    #[arg(long, env = "D365_HOLD", value_name = "TIME", default_value = "72h", value_parser = time)]
    pub(crate) hold: Duration,

    /// Recognise ranges that have left the list as retired for this long
    #[arg(long, env = "D365_GRACE", value_name = "TIME", default_value = "24h", value_parser = time)]
    pub(crate) grace: Duration,

    /// Time for which a source's ranges are trusted after its last confirmation; `never` means without an end
    #[arg(long, env = "D365_LEASE", value_name = "TIME|never", default_value = "14d", value_parser = lease)]
    pub(crate) lease: LeaseTerm,

    /// Directory for the data that must survive a restart
    #[arg(long, env = "D365_STATE_DIR", value_name = "DIR", default_value = DEFAULT_DIRECTORY)]
    pub(crate) state_dir: PathBuf,

    /// Leave programs attached and counters in the kernel when the daemon ends, pinned in --pin-dir, for the
    /// next start. Without it a service manager keeps them over a restart, if it has a descriptor store
    #[arg(long, env = "D365_KEEP_ATTACHED", value_parser = BoolishValueParser::new())]
    pub(crate) keep_attached: bool,

    /// Directory on a bpffs for the pins of --keep-attached
    #[arg(long, env = "D365_PIN_DIR", value_name = "DIR", default_value = DEFAULT_PINS)]
    pub(crate) pin_dir: PathBuf,

    /// True if `pin_dir` is not the default.
    #[arg(skip)]
    pub(crate) pin_dir_is_given: bool,

    /// Count new connections from unlisted sources inside Azure, by region: a rotation of addresses shows
    /// there first
    #[arg(long, env = "D365_WATCH_AZURE", value_parser = BoolishValueParser::new())]
    pub(crate) watch_azure: bool,
}

/// The default of `--pin-dir`.
pub(super) const DEFAULT_PINS: &str = "/sys/fs/bpf/d365";

/// Reads a time, or `never` for a lease without an end.
fn lease(text: &str) -> Result<LeaseTerm, String> {
    match text {
        "never" => Ok(LeaseTerm::Never),
        text => time(text).map(LeaseTerm::For),
    }
}

/// Reads a time such as `30s`, `1h 30m` or `14d`: whole seconds, from one second to a century.
fn time(text: &str) -> Result<Duration, String> {
    const LONGEST: Duration = Duration::from_secs(100 * 366 * 24 * 60 * 60);
    // The library's own messages offer units that are rejected below.
    let time = humantime::parse_duration(text).map_err(|_| "write it with its unit, as 30s, 6h or 14d")?;
    if time.subsec_nanos() != 0 || time.is_zero() || time > LONGEST {
        return Err("give whole seconds, from 1s to 100 years".to_owned());
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, seconds) in
            [("30s", 30), ("1h 30m", 5400), ("14d", 14 * 86_400), ("6h", 21_600), ("1s", 1)]
        {
            assert_eq!(time(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "6", "0s", "100ms", "1s 1ns", "-1h", "never", "200y", "99999999999999999999s"] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_lease_can_be_without_an_end() {
        assert_eq!(lease("never"), Ok(LeaseTerm::Never));
        assert_eq!(lease("1d"), Ok(LeaseTerm::For(Duration::from_hours(24))));
        assert!(lease("Never").is_err());
    }
}
