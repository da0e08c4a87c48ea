//! Rounds: the benchmark measures all compared things in turns, so that a disturbance of the machine affects
//! all of them.

use std::thread;

use anyhow::{Context as _, Result, ensure};
use d365_tests::netns::apart;
use nix::{
    sched::{CpuSet, sched_setaffinity},
    unistd::Pid,
};
use serde::{Deserialize, Serialize};

/// The statistics of some measurements: median, least, most, and all values by round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stat {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
    pub(crate) values: Vec<f64>,
}

impl Stat {
    /// Makes the statistics of at least one value.
    pub(crate) fn of(values: &[f64]) -> Result<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (Some(least), Some(most)) = (sorted.first(), sorted.last()) else {
            anyhow::bail!("nothing was measured")
        };
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        };
        Ok(Self { median, least: *least, most: *most, values: values.to_vec() })
    }

    /// Makes the statistics of the differences in each round.
    pub(crate) fn of_differences(values: &[f64], floor: &[f64]) -> Result<Self> {
        let differences: Vec<f64> = values.iter().zip(floor).map(|(value, floor)| value - floor).collect();
        Self::of(&differences)
    }
}

/// Measures each of `subjects` once in a round, one after the other. Each round starts with another one. The
/// first round warms up and does not count. Returns the values of each.
pub(crate) fn interleaved<S>(
    rounds: usize,
    subjects: &[S],
    mut measure: impl FnMut(&S) -> Result<f64>,
) -> Result<Vec<Vec<f64>>> {
    let mut values = vec![Vec::new(); subjects.len()];
    for round in 0..=rounds {
        for turn in 0..subjects.len() {
            let at = (round + turn) % subjects.len();
            let value = measure(&subjects[at])?;
            if round > 0 {
                values[at].push(value);
            }
        }
    }
    Ok(values)
}

/// Number of processors that this process may use.
pub(crate) fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Runs `body` on a thread of its own that stays on the last processor, because most other work of a machine
/// is on the first.
pub(crate) fn pinned<T: Send>(body: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    apart(|| {
        pin(Pid::from_raw(0), processors() - 1)?;
        body()
    })
}

/// Keeps a thread (0 for this one) on a processor.
pub(crate) fn pin(thread: Pid, processor: usize) -> Result<()> {
    ensure!(processor < processors(), "there is no processor {processor}");
    let mut set = CpuSet::new();
    set.set(processor)?;
    sched_setaffinity(thread, &set)
        .with_context(|| format!("cannot keep thread {thread} on processor {processor}"))
}
