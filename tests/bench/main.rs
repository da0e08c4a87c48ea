//! The benchmark: what the kernel program costs, how that grows, what gets through end to end, and what the daemon takes; with
//! others' programs measured beside ours. `cargo xtask bench` runs it as root.
//!
//! All traffic stays between network namespaces that it makes. It tunes nothing and decides nothing unless `--check` or
//! `--compare` ask it to.

mod check;
mod compare;
mod daemon;
mod end_to_end;
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
    report::{ProgramSize, Report},
    rounds::pinned,
    subject::{Build, Subject},
    xdp_filter::XdpFilter,
};

/// What the benchmark is asked for
#[derive(Parser)]
#[command(name = "cargo xtask bench", about = "Measures the kernel program and the daemon")]
struct Cli {
    /// Few and short rounds: shows that everything runs
    #[arg(long)]
    quick: bool,
    /// Exit with 1 where a target that is a ratio is missed; all targets are shown
    #[arg(long)]
    check: bool,
    /// Exit with 1 where a cost has grown by more than 15 % of its ratio to the floor since this report
    #[arg(long, value_name = "OLD.json")]
    compare: Option<PathBuf>,
    /// Where the report goes
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    out: PathBuf,
    /// Set by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

/// How much is measured: in many short rounds and windows, since a machine's speed drifts.
pub(crate) struct Effort {
    /// Rounds that count.
    rounds: usize,
    /// Runs of a program in a round.
    repeat: u32,
    /// Times that a list is published, and that the daemon is started.
    lists: usize,
    /// Windows of traffic that count, and how long one is.
    windows: usize,
    window: Duration,
    /// The part of a window that the receiver has to be at work for the window to count: else others had its processor.
    busy: f64,
    scrapes: usize,
    /// How long an idle daemon is watched.
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

/// Measures, writes the report, and says whether everything that decides is as it should be.
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

/// The report to compare with: read before minutes are spent, and none that this run would write over.
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
    let builds = Build::COMPARED.iter().chain(&[Build::Mark]);
    let programs = builds.map(|build| size(*build)).collect::<Result<_>>()?;
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

fn size(build: Build) -> Result<ProgramSize> {
    let mut subject = Subject::load(build, &[])?;
    let (verified, machine_code) = subject.size()?;
    Ok(ProgramSize { name: build.name().to_owned(), verified, machine_code })
}
