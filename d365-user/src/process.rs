//! Reads the resource usage of this process from /proc. It is for the metrics only; no decision depends on
//! it.

use std::{sync::OnceLock, time::Duration};

use procfs::{
    ProcError, WithCurrentSystemInfo as _,
    process::{LimitValue, Process},
};

use crate::snapshot::ProcessStats;

/// The current resource usage of this process.
///
/// # Errors
/// /proc is not mounted, or its contents are not as expected.
pub fn stats() -> Result<ProcessStats, ProcError> {
    let process = Process::myself()?;
    let stat = process.stat()?;
    Ok(ProcessStats {
        cpu: ticks(stat.utime.saturating_add(stat.stime)),
        start: start(stat.starttime)?,
        resident_bytes: stat.rss_bytes().get(),
        virtual_bytes: stat.vsize,
        threads: u64::try_from(stat.num_threads).unwrap_or_default(),
        // A process that has given up its user may not read its own `fd` directory.
        open_fds: process.fd_count().ok().and_then(|count| count.try_into().ok()),
        max_fds: match process.limits()?.max_open_files.soft_limit {
            LimitValue::Unlimited => None,
            LimitValue::Value(limit) => Some(limit),
        },
    })
}

/// The start of the process, from its start in ticks since boot. It is computed once and kept: the kernel's
/// boot time moves when the clock is set, and a start that moves looks like a restart.
fn start(since_boot: u64) -> Result<Duration, ProcError> {
    static START: OnceLock<Duration> = OnceLock::new();
    if let Some(start) = START.get() {
        return Ok(*start);
    }
    let boot = Duration::from_secs(procfs::boot_time_secs()?);
    Ok(*START.get_or_init(|| boot.saturating_add(ticks(since_boot))))
}

/// Clock ticks as a duration.
fn ticks(count: u64) -> Duration {
    let rate = procfs::ticks_per_second().max(1);
    let millis = (count % rate).saturating_mul(1000) / rate;
    Duration::from_secs(count / rate).saturating_add(Duration::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    #[test]
    fn own_process() {
        let stats = super::stats().unwrap();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert!(stats.start <= now + Duration::from_secs(2), "{stats:?}");
        assert!(now.saturating_sub(stats.start) < Duration::from_secs(24 * 3600), "{stats:?}");
        assert!(stats.resident_bytes > 100_000 && stats.virtual_bytes >= stats.resident_bytes, "{stats:?}");
        assert!(stats.threads >= 1 && stats.open_fds.unwrap() >= 3, "{stats:?}");
        assert_eq!(super::stats().unwrap().start, stats.start);
    }

    #[test]
    fn ticks_are_hundredths() {
        assert_eq!(procfs::ticks_per_second(), 100);
        assert_eq!(super::ticks(12_345), Duration::from_millis(123_450));
    }
}
