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
mod rounds;
mod selection;
mod table;

use std::{num::NonZeroUsize, panic::resume_unwind, thread, time::Instant};

use anyhow::{Result, ensure};
use clap::builder::PossibleValuesParser;

use self::rounds::Column;
use crate::{apt, cargo, setup, tools};

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Kernels to run on; all when none is given
    #[arg(long, num_args = 1.., value_name = "VERSION", value_parser = PossibleValuesParser::new(kernel::LINES))]
    kernel: Vec<String>,
    /// Only tests whose name contains one of these
    filter: Vec<String>,
    /// Run only the selected tests that use kernel features of each kind, as CI does
    #[arg(long)]
    quick: bool,
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
    let all = binaries::list(&binaries[1])?;
    let (tests, note) = selection::select(all, &options.filter, options.quick);
    ensure!(!tests.is_empty(), "no test is selected by {:?}", options.filter);

    let place = cargo::target_dir()?.join("vm");
    let base = base::make(&place.join("base"))?;
    archive::update(&place)?;
    let is_wanted = |line: &&str| options.kernel.is_empty() || options.kernel.iter().any(|name| name == line);
    let kernels = kernel::LINES.into_iter().filter(is_wanted).map(|line| kernel::fetch(line, &place));
    let kernels = kernels.collect::<Result<Vec<_>>>()?;
    let shared = [base, binaries::pack(&binaries, &place)?];

    let started = Instant::now();
    let logs = place.join("log");
    // Each kernel's tests are divided among as many machines as run at a time, so that none is idle for long.
    let jobs = options.jobs.get().min(tests.len());
    let run = |part: usize| {
        let tests: Vec<String> = tests.iter().skip(part).step_by(jobs).cloned().collect();
        let columns = kernels.iter().map(|kernel| rounds::run(kernel, part, &shared, &tests, &logs));
        columns.collect::<Vec<_>>().into_iter()
    };
    let mut parts: Vec<_> = thread::scope(|scope| {
        let run = &run;
        let threads: Vec<_> = (0..jobs).map(|part| scope.spawn(move || run(part))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    let mut columns: Vec<Column> = Vec::new();
    let mut unusable = Vec::new();
    for kernel in &kernels {
        for part in parts.iter_mut().filter_map(Iterator::next) {
            match (part, columns.last_mut().filter(|column| column.kernel == kernel.name)) {
                (Ok(part), Some(column)) => column.add(part),
                (Ok(part), None) => columns.push(part),
                (Err(error), _) => unusable.push(format!("Linux {}: {error:#}", kernel.name)),
            }
        }
    }
    print!("{}", table::render(note.as_deref(), &tests, &columns));
    println!("{} s for all; logs in {}", started.elapsed().as_secs(), logs.display());
    ensure!(unusable.is_empty(), "{}", unusable.join("\n"));
    let bad: usize = columns.iter().map(|column| column.counts()[2]).sum();
    ensure!(bad == 0, "{bad} test(s) failed");
    Ok(())
}
