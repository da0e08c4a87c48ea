//! The daemon at work, in a lab of the demo's own making.

use std::path::Path;

/// Runs `daemon` in the lab, sends mail, prints the counters.
pub(crate) fn run(daemon: &Path) -> anyhow::Result<()> {
    anyhow::bail!("the demo for {} is not written yet", daemon.display())
}
