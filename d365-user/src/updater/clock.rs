//! The only place that computes ages. Within a run, ages are measured by `CLOCK_BOOTTIME`, which never jumps
//! and counts suspended time. The wall clock counts only for times that survive a restart, and only within
//! bounds.
//!
//! - **Run time** ([`Now::run`]) starts at the wall clock's time and then advances by itself. Everything that
//!   waits or ages within the run is stamped with it, so that setting the wall clock neither ends nor
//!   prolongs anything.
//! - **Calendar time** ([`Stamp::EarlierRun`]) is a time that an earlier run saved. Its age is the larger of
//!   two: by the wall clock now, and by the first plausible reading of the wall clock plus the time that has
//!   passed since.
//!
//! [`Clock::look`] is pure; [`Sample::take`] reads the clocks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};

use crate::gate::Timestamp;

/// Nobody runs a release for this long; a wall clock beyond it is wrong.
pub(crate) const LONGEST_USE: Duration = Duration::from_hours(20 * 366 * 24);

/// Both clocks, read at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    /// `CLOCK_BOOTTIME`.
    pub(super) boot: Duration,
    /// `CLOCK_REALTIME`, since the Unix epoch; a time before that counts as zero.
    pub(super) wall: Duration,
}

impl Sample {
    pub(super) fn take() -> Self {
        // As in `Instant::now`: the call fails only for an unknown clock or a bad pointer.
        let boot = clock_gettime(ClockId::CLOCK_BOOTTIME).expect("every supported kernel has CLOCK_BOOTTIME");
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { boot: boot.into(), wall }
    }
}

/// A moment that this run or an earlier one recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stamp {
    /// In run time.
    ThisRun(Timestamp),
    /// In calendar time.
    EarlierRun(Timestamp),
}

/// The clock of one run.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    /// `boot` is the start of the run, `wall` is the run time at that moment.
    start: Sample,
    /// The first and the last plausible time of the wall clock.
    bounds: (Duration, Duration),
    /// The first look at which the wall clock was plausible.
    anchor: Option<Sample>,
}

/// One look at the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Now {
    run: Duration,
    /// The wall clock's time, plausible or not.
    wall: Duration,
    /// Seconds by which the wall clock is ahead of run time; 0 while it is not plausible. Times that are
    /// saved or shown are shifted by them.
    pub(super) offset: i64,
    /// The latest time that the calendar can show; `None` until the wall clock is plausible for the first
    /// time.
    calendar: Option<Duration>,
    /// True if the wall clock shows a plausible time.
    pub(super) is_plausible: bool,
}

impl Clock {
    /// Starts a run. `list` is the date of the list in this build: a wall clock before that date is wrong.
    pub(super) fn start(first: Sample, list: Option<Timestamp>) -> Self {
        let oldest = Duration::from_secs(list.unwrap_or_default().0);
        let bounds = (oldest, oldest.saturating_add(LONGEST_USE));
        let is_plausible = is_within(bounds, first.wall);
        let start = Sample { wall: if is_plausible { first.wall } else { oldest }, ..first };
        Self { start, bounds, anchor: is_plausible.then_some(first) }
    }

    /// The time at `sample`.
    pub(super) fn look(&mut self, sample: Sample) -> Now {
        let is_plausible = is_within(self.bounds, sample.wall);
        if is_plausible {
            self.anchor.get_or_insert(sample);
        }
        let since = |from: Sample| from.wall.saturating_add(sample.boot.saturating_sub(from.boot));
        let run = since(self.start);
        let by_wall = if is_plausible { sample.wall } else { Duration::ZERO };
        Now {
            run,
            wall: sample.wall,
            offset: if is_plausible { rounded_difference(sample.wall, run) } else { 0 },
            calendar: self.anchor.map(|anchor| since(anchor).max(by_wall)),
            is_plausible,
        }
    }
}

impl Now {
    /// Run time: it never goes back and never jumps. The gates get this time.
    pub(super) fn run(&self) -> Timestamp {
        Timestamp(self.run.as_secs())
    }

    /// The wall clock's time, plausible or not.
    pub(super) fn wall(&self) -> Timestamp {
        Timestamp(self.wall.as_secs())
    }

    /// The latest time that the calendar can show now; `None` while no plausible time was seen.
    pub(super) fn calendar(&self) -> Option<Timestamp> {
        self.calendar.map(|time| Timestamp(time.as_secs()))
    }

    /// The time that has passed since `stamp`; `None` if it cannot be known. The age of a stamp in the future
    /// is zero.
    pub(super) fn age(&self, stamp: Stamp) -> Option<Duration> {
        let (now, at) = match stamp {
            Stamp::ThisRun(at) => (self.run, at),
            Stamp::EarlierRun(at) => (self.calendar?, at),
        };
        Some(now.saturating_sub(Duration::from_secs(at.0)))
    }

    /// The moment of `stamp` on the wall clock as it is now: the wall clock's time less the stamp's age.
    pub(super) fn shown(&self, stamp: Stamp) -> Timestamp {
        match stamp {
            Stamp::ThisRun(at) => at.shifted(self.offset),
            Stamp::EarlierRun(at) => {
                let wall = self.run.as_secs().saturating_add_signed(self.offset);
                let ahead = self.calendar.map_or(0, |time| time.as_secs().saturating_sub(wall));
                // A difference of one second comes from rounding the offset.
                if ahead <= 1 { at } else { Timestamp(at.0.saturating_sub(ahead)) }
            }
        }
    }
}

fn is_within((oldest, newest): (Duration, Duration), wall: Duration) -> bool {
    (oldest..=newest).contains(&wall)
}

fn rounded_difference(later: Duration, earlier: Duration) -> i64 {
    const HALF: Duration = Duration::from_millis(500);
    let seconds = |time: Duration| i64::try_from(time.saturating_add(HALF).as_secs()).unwrap_or(i64::MAX);
    if later >= earlier { seconds(later - earlier) } else { -seconds(earlier - later) }
}

#[cfg(test)]
mod tests;
