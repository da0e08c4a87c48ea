//! The benchmark. It measures the cost of the kernel program, the growth of that cost with the list, the
//! packet rate end to end, and the resources of the daemon. It measures other programs for the same job in
//! the same rounds. `cargo xtask bench` runs it as root.
//!
//! All traffic stays between network namespaces that the benchmark makes. It tunes nothing, and it gives no
//! verdict unless `--check` or `--compare` is set.

#[path = "../bpf.rs"]
mod bpf;
mod check;
mod code;
mod compare;
mod daemon;
mod end_to_end;
mod limit;
mod machine;
mod memory;
mod packets;
mod peers;
mod programs;
mod report;
mod rounds;
mod scaling;
mod sets;
mod subject;
mod xdp_filter;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Result, ensure};
use clap::Parser;
use d365_tests::require::Requirement;

use self::{
    machine::Machine,
    report::{ProgramSize, Report, names},
    rounds::pinned,
    subject::{Build, Subject, Tagger},
    xdp_filter::XdpFilter,
};

/// Arguments of the benchmark
#[derive(Parser)]
#[command(name = "cargo xtask bench", about = "Measures the kernel program and the daemon")]
struct Cli {
    /// Few and short rounds, to show that everything runs
    #[arg(long)]
    quick: bool,
    /// Exit with 1 if a target that is a ratio is missed; all targets are shown
    #[arg(long)]
    check: bool,
    /// Exit with 1 if the ratio of a cost to the floor has grown by more than 15 % since this report
    #[arg(long, value_name = "OLD.json")]
    compare: Option<PathBuf>,
    /// Directory of the report
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    out: PathBuf,
    /// Set by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

/// The extent of the measurements. Rounds and windows are many and short, because the speed of a machine
/// drifts.
pub(crate) struct Effort {
    /// Number of rounds that count.
    rounds: usize,
    /// Number of runs of a program in one round.
    repeat: u32,
    /// Number of times that a list is published, and that the daemon is started.
    lists: usize,
    /// Number of windows of traffic that count, and their length.
    windows: usize,
    window: Duration,
    /// The fraction of a window for which the receiver must work, so that the window counts. A lower value
    /// means that other work had its processor.
    busy: f64,
    scrapes: usize,
    /// The time for which an idle daemon is measured.
    idle: Duration,
}

impl Effort {
    const FULL: Self = Self {
        rounds: 45,
        repeat: 400_000,
        lists: 5,
        windows: 61,
        window: Duration::from_millis(300),
        busy: 0.9,
        scrapes: 50,
        idle: Duration::from_secs(8),
    };
    const QUICK: Self = Self {
        rounds: 2,
        repeat: 100_000,
        lists: 1,
        windows: 2,
        window: Duration::from_millis(300),
        busy: 0.0,
        scrapes: 5,
        idle: Duration::from_millis(1200),
    };
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Measures and writes the report. Returns true if no target or comparison fails.
fn run(cli: &Cli) -> Result<bool> {
    let before = cli.compare.as_deref().map(|old| baseline(old, cli)).transpose()?;
    for needed in ["ip", "nft", "ipset", "iptables-restore", "xdp-filter"].map(Requirement::Tool) {
        ensure!(needed.is_met(), "the benchmark needs {needed}");
    }
    for needed in [Requirement::Root, Requirement::Daemon] {
        ensure!(needed.is_met(), "the benchmark needs {needed}");
    }
    let report = measure(if cli.quick { &Effort::QUICK } else { &Effort::FULL }, cli.quick)?;
    report.write(&cli.out)?;
    println!("{}", report.markdown());
    println!("bench.json, bench.md and pictures are in {}", cli.out.display());
    let mut is_good = true;
    if cli.check {
        println!();
        for target in check::targets(&report) {
            println!("{target}");
            is_good &= !target.fails();
        }
        for what in &report.missing {
            println!("not measured {what}");
            is_good = false;
        }
    }
    if let Some(before) = before {
        println!();
        let on = |machine: &Machine| format!("{}, Linux {}", machine.processor, machine.kernel);
        if on(&before.machine) != on(&report.machine) {
            println!("measured on another machine before: {}", on(&before.machine));
        }
        for change in compare::changes(&before, &report)? {
            println!("{change}");
            is_good &= !change.is_regression();
        }
    }
    Ok(is_good)
}

/// Reads the report to compare with before the run, which takes minutes. This run must not overwrite it.
fn baseline(old: &Path, cli: &Cli) -> Result<Report> {
    let before = Report::read(old)?;
    ensure!(before.is_quick == cli.quick, "a quick run and a full one do not compare");
    let own = cli.out.join("bench.json");
    let is_own = own.canonicalize().is_ok_and(|own| old.canonicalize().is_ok_and(|old| old == own));
    ensure!(!is_own, "this run writes over {}: copy it first", own.display());
    Ok(before)
}

fn measure(effort: &Effort, is_quick: bool) -> Result<Report> {
    let machine = Machine::look()?;
    let mut missing = Vec::new();
    eprintln!("bench: packets");
    let filter = XdpFilter::load()?;
    let packets = pinned(|| packets::measure(effort, Some(&filter)))?;
    drop(filter);
    let builds = Build::COMPARED
        .iter()
        .map(|build| Ok((build.name(), subject::size(&Subject::load(*build, &[])?.program)?)));
    let tagger = Ok((names::OWN_TC, subject::size(&Tagger::with(&sets::embedded()?.ranges)?.program)?));
    let size = |(name, (verified, machine_code)): (&str, _)| ProgramSize {
        name: name.to_owned(),
        verified,
        machine_code,
    };
    let programs = builds.chain([tagger]).map(|own| own.map(size)).collect::<Result<_>>()?;
    let scaling = scaling::measure(effort, &lists()?)?;
    eprintln!("bench: end to end");
    let end_to_end = end_to_end::measure(effort)?.unwrap_or_else(|| {
        missing.push("end to end: a generator and a receiver need two processors".to_owned());
        Vec::new()
    });
    eprintln!("bench: daemon");
    let daemon = daemon::measure(effort)?;
    Ok(Report { machine, is_quick, packets, scaling, programs, end_to_end, daemon, missing })
}

fn lists() -> Result<Vec<sets::Set>> {
    let random =
        [sets::random("random, both families", 1_000)?, sets::random("random, both families", 100_000)?];
    let mut lists: Vec<sets::Set> =
        [sets::embedded()?, sets::document()?].into_iter().chain(random).collect();
    lists.sort_by_key(|set| set.ranges.len());
    Ok(lists)
}
