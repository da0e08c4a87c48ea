//! Compares a run with an earlier one: by ratios to the floor of the same run, since machines differ and have other work.

use std::fmt;

use anyhow::{Context as _, Result};

use crate::report::Report;

/// What a ratio may grow by.
const TOLERANCE: f64 = 0.15;

/// A ratio to the floor, then and now.
pub(crate) struct Change {
    what: String,
    before: f64,
    now: f64,
}

impl Change {
    /// Whether it grew by more than is tolerated.
    pub(crate) fn is_regression(&self) -> bool {
        self.now > self.before * (1.0 + TOLERANCE)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.is_regression() { "SLOWER" } else { "ok" };
        let percent = (self.now / self.before - 1.0) * 100.0;
        write!(f, "{mark:<8}{:<72}{:>7.2} → {:>5.2} ({percent:+.0} %)", self.what, self.before, self.now)
    }
}

/// The changes of our own programs. What others' programs cost is no matter of ours.
///
/// # Errors
/// Where the earlier run measured something that this one does not have.
pub(crate) fn changes(before: &Report, now: &Report) -> Result<Vec<Change>> {
    let own = ratios(now);
    let change = |(what, before): (String, f64)| {
        let (_, now) = own.iter().find(|(own, _)| *own == what).with_context(|| {
            format!("{what} was measured in the earlier run and not in this one: they do not compare")
        })?;
        Ok(Change { what, before, now: *now })
    };
    ratios(before).into_iter().map(change).collect()
}

/// Every cost of ours, with the floor, by the floor.
fn ratios(report: &Report) -> Vec<(String, f64)> {
    let mut ratios = Vec::new();
    for packet in &report.packets {
        for cost in packet.costs.iter().filter(|cost| cost.program.starts_with("d365")) {
            let what = format!("{}: {}", cost.program, packet.name);
            ratios.push((what, 1.0 + cost.above_floor.median / packet.floor.median));
        }
    }
    for scale in &report.scaling {
        for cost in &scale.costs {
            for (source, stat) in [("one source", &cost.one_source), ("any source", &cost.any_source)] {
                let what = format!("{}: {} ranges, {source}", cost.program, scale.ranges);
                ratios.push((what, 1.0 + stat.median / cost.floor.median));
            }
        }
    }
    ratios
}
