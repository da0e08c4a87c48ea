//! Programs that tests call: which are missing, and what brings them.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::{
    apt, cargo, command,
    step::{self, Change, Consent, Step},
};

/// A program that tests call, the Debian package that has it, and what it is for.
type Tool = (&'static str, &'static str, &'static str);

const TEST_TOOLS: [Tool; 3] = [
    ("bpftool", "bpftool", "tests whether libbpf reads the kernel program"),
    ("xdp-loader", "xdp-tools", "tests whether libxdp attaches the kernel program"),
    ("ip", "iproute2", "lets tests look at interfaces from outside"),
];
/// Not installed: installing it would start a service.
const PROMTOOL: Tool = ("promtool", "prometheus", "checks the metrics' text");

/// Where programs of packages are that were unpacked and not installed.
pub(crate) fn unpacked() -> Result<PathBuf> {
    Ok(cargo::target_dir()?.join("tools/prometheus/usr/bin"))
}

/// Sees to the programs that tests call. Where there is no apt they stay missing, which only CI does not forgive:
/// each test then says what it lacks.
pub(crate) fn for_tests() -> Result<()> {
    let missing: Vec<Tool> = TEST_TOOLS.into_iter().filter(|tool| !is_there(tool.0)).collect();
    let promtool = (!is_there(PROMTOOL.0)).then_some(PROMTOOL);
    if !apt::is_there() {
        let all = missing.iter().chain(&promtool);
        let names: Vec<&str> = all.map(|(program, ..)| *program).collect();
        ensure!(names.is_empty() || !command::ci(), "missing, and there is no apt: {}", names.join(", "));
        if !names.is_empty() {
            eprintln!("xtask: missing, and there is no apt to get it: {}", names.join(", "));
        }
        return Ok(());
    }
    let mut steps: Vec<Step> = missing
        .into_iter()
        .map(|(_, package, why)| Step { change: Change::Packages(vec![package]), why })
        .collect();
    if let Some((_, package, why)) = promtool {
        let into = cargo::target_dir()?.join("tools").join(package);
        steps.push(Step { change: Change::Unpack(package, into), why });
    }
    step::take(&steps, Consent::default())
}

fn is_there(program: &str) -> bool {
    cargo::path().is_ok_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}
