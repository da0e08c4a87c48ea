//! `cargo xtask vm-test`: the privileged tests in real Debian kernels, under QEMU.
//!
//! Only the installation of packages needs root, and nothing touches an interface of the host: the machines
//! have no network card. No test is left out silently: a test that did not run is in the table, with the
//! reason.

mod archive;
mod base;
mod binaries;
mod cpio;
mod kernel;
mod libtest;
mod machine;
mod root;
mod rounds;
mod scripts;
mod selection;
mod table;

use std::{num::NonZeroUsize, panic::resume_unwind, path::Path, thread, time::Instant};

use anyhow::{Result, ensure};
use clap::builder::PossibleValuesParser;

use self::{machine::Machine, rounds::Column};
use crate::{apt, cargo, setup, tools};

/// Modules of tests that need systemd have this in their names.
const SYSTEMD: &str = "systemd::";
/// The kernel of machines with systemd, unless others are named. It has tcx.
const WITH_SYSTEMD: &str = "6.12";

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Kernels to run on; all when none is given
    #[arg(long, num_args = 1.., value_name = "VERSION", value_parser = PossibleValuesParser::new(kernel::LINES))]
    kernel: Vec<String>,
    /// Only tests whose name contains one of these
    filter: Vec<String>,
    /// Run only the selected tests that use kernel features of each kind, as CI does
    #[arg(long, conflicts_with = "systemd")]
    quick: bool,
    /// Run only the tests that need systemd, in Debian 12 and 13; without --kernel, on Linux 6.12
    #[arg(long)]
    systemd: bool,
    /// Releases of Debian for --systemd; all when none is given
    #[arg(long, num_args = 1.., value_name = "NAME", requires = "systemd",
        value_parser = PossibleValuesParser::new(root::SUITES))]
    suite: Vec<String>,
    /// Machines that run at the same time
    #[arg(long, default_value = "2")]
    jobs: NonZeroUsize,
}

/// Runs the tests on each kernel, and prints the table. Fails if a test failed or a machine died.
pub(crate) fn test(options: &Options) -> Result<()> {
    ensure!(cfg!(target_arch = "x86_64"), "the virtual machines are x86_64, and so must this machine be");
    setup::ensure(setup::Options::default())?;
    ensure!(apt::is_there(), "test machines are made of Debian's packages: there is no apt");
    tools::provide(tools::packages(tools::TEST_TOOLS.into_iter().chain(tools::MACHINE_TOOLS)), &[])?;
    let binaries = binaries::build()?;
    let mut all = binaries::list(&binaries[1])?;
    if options.systemd {
        all.retain(|test| test.contains(SYSTEMD));
    }
    let (tests, note) = selection::select(all, &options.filter, options.quick);
    ensure!(!tests.is_empty(), "no test is selected by {:?}", options.filter);

    let place = cargo::target_dir()?.join("vm");
    let base = base::make(&place.join("base"))?;
    archive::update(&place)?;
    let machines = machines(options, &place)?;
    let shared = [base, binaries::pack(&binaries, &place)?];

    let started = Instant::now();
    let logs = place.join("log");
    // Each kernel's tests are divided among as many machines as run at a time, so that none is idle for long.
    let jobs = options.jobs.get().min(tests.len());
    let run = |part: usize| {
        let tests: Vec<String> = tests.iter().skip(part).step_by(jobs).cloned().collect();
        let columns = machines.iter().map(|machine| rounds::run(machine, part, &shared, &tests, &logs));
        columns.collect::<Vec<_>>().into_iter()
    };
    let mut parts: Vec<_> = thread::scope(|scope| {
        let run = &run;
        let threads: Vec<_> = (0..jobs).map(|part| scope.spawn(move || run(part))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    let mut columns: Vec<Column> = Vec::new();
    let mut unusable = Vec::new();
    for Machine { name, .. } in &machines {
        for part in parts.iter_mut().filter_map(Iterator::next) {
            match (part, columns.last_mut().filter(|column| column.machine == *name)) {
                (Ok(part), Some(column)) => column.add(part),
                (Ok(part), None) => columns.push(part),
                (Err(error), _) => unusable.push(format!("Linux {name}: {error:#}")),
            }
        }
    }
    print!("{}", table::render(note.as_deref(), &tests, &columns));
    println!("{} s for all; logs in {}", started.elapsed().as_secs(), logs.display());
    ensure!(unusable.is_empty(), "{}", unusable.join("\n"));
    let bad: usize = columns.iter().map(|column| column.counts()[2]).sum();
    ensure!(bad == 0, "{bad} test(s) failed");
    let left_out: usize = columns.iter().map(|column| column.counts()[1]).sum();
    ensure!(!options.systemd || left_out == 0, "{left_out} test(s) of systemd did not run");
    Ok(())
}

/// The machines of these options: each kernel, with each root if systemd is asked for.
fn machines(options: &Options, place: &Path) -> Result<Vec<Machine>> {
    let default: &[String] = if options.systemd { &[WITH_SYSTEMD.to_owned()] } else { &[] };
    let named = if options.kernel.is_empty() { default } else { &options.kernel };
    let is_wanted = |line: &&str| named.is_empty() || named.iter().any(|name| name == line);
    let kernels = kernel::LINES.into_iter().filter(is_wanted).map(|line| kernel::fetch(line, place));
    let kernels = kernels.collect::<Result<Vec<_>>>()?;
    if !options.systemd {
        return Ok(kernels.iter().map(|kernel| Machine::new(kernel, None)).collect());
    }
    tools::provide(tools::packages(tools::ROOT_TOOLS), &[])?;
    let is_wanted = |name: &&str| options.suite.is_empty() || options.suite.iter().any(|suite| suite == name);
    let roots = root::SUITES.into_iter().filter(is_wanted).map(|suite| root::make(suite, place));
    let roots = roots.collect::<Result<Vec<_>>>()?;
    let with_roots = kernels.iter().flat_map(|kernel| roots.iter().map(move |root| (kernel, root)));
    Ok(with_roots.map(|(kernel, root)| Machine::new(kernel, Some(root))).collect())
}
