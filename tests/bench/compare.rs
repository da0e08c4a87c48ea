//! Compares a run with an earlier one. It compares ratios to the floor of the same run, because machines
//! differ in speed and in other work.

use std::fmt;

use anyhow::{Context as _, Result};

use crate::report::Report;

/// The fraction by which a ratio may grow.
const TOLERANCE: f64 = 0.15;

/// A ratio to the floor in both runs.
pub(crate) struct Change {
    what: String,
    before: f64,
    now: f64,
}

impl Change {
    /// True if the ratio grew by more than the tolerance.
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

/// Returns the changes of our own programs. Costs of other programs are not compared.
///
/// # Errors
/// If the earlier run measured something that this one did not.
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

/// Every cost of our programs, floor included, divided by the floor.
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
