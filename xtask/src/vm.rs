//! `cargo xtask vm-test`: the privileged tests in real Debian kernels, under QEMU.
//!
//! Only the installation of packages needs root, and nothing touches an interface of the host: a machine has
//! no network card, or two that are joined inside of QEMU. No test is left out silently: a test that did not
//! run is in the table, with the reason.

mod archive;
mod base;
mod binaries;
mod cards;
mod cpio;
mod equipment;
pub(crate) mod foreign;
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

use self::{archive::Flavour, cards::Emulator, equipment::Equipment, machine::Machine, rounds::Column};
use crate::{
    apt::{self, private::Archive},
    cargo, setup, tools,
};

/// Modules of tests that need systemd have this in their names.
const SYSTEMD: &str = "systemd::";
/// Tests that need a network card are in this module.
const NIC: &str = "nic::";
/// The kernel of machines with systemd or a network card, unless others are named. It has tcx, and native
/// mode for every card.
const EQUIPPED: &str = "6.12";

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
    /// Run only the tests that need a network card, with each of these cards; all when none is given; without
    /// --kernel, on Linux 6.12
    #[arg(long, num_args = 0.., value_name = "CARD", conflicts_with_all = ["quick", "systemd"],
        value_parser = PossibleValuesParser::new(cards::CARDS))]
    nic: Option<Vec<String>>,
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
    if let Some(module) = options.module() {
        all.retain(|test| test.contains(module));
    }
    let (tests, note) = selection::select(all, &options.filter, options.quick);
    ensure!(!tests.is_empty(), "no test is selected by {:?}", options.filter);

    let place = cargo::target_dir()?.join("vm");
    let base = base::make(&place.join("base"))?;
    let machines = machines(options, &archive::open(&place)?, &place)?;
    let shared = [base, binaries::pack(&binaries, &place, options.systemd)?];

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
    ensure!(options.module().is_none() || left_out == 0, "{left_out} test(s) did not run");
    Ok(())
}

impl Options {
    /// The module of the tests to which the options limit the run.
    fn module(&self) -> Option<&'static str> {
        self.systemd.then_some(SYSTEMD).or(self.nic.as_ref().map(|_| NIC))
    }
}

/// The machines of these options: each kernel, with each root or each card if they are asked for.
fn machines(options: &Options, archive: &Archive, place: &Path) -> Result<Vec<Machine>> {
    let default: &[String] = if options.module().is_some() { &[EQUIPPED.to_owned()] } else { &[] };
    let named = if options.kernel.is_empty() { default } else { &options.kernel };
    let flavour = if options.nic.is_some() { Flavour::Ordinary } else { Flavour::Cloud };
    let kernels = wanted(kernel::LINES, named).map(|line| kernel::fetch(archive, line, flavour, place));
    let kernels = kernels.collect::<Result<Vec<_>>>()?;
    let mut emulator = Emulator::installed()?;
    let mut equipment = vec![Equipment::None];
    if let Some(cards) = &options.nic {
        emulator = Emulator::with_cards(archive, place)?;
        equipment = wanted(cards::CARDS, cards).map(Equipment::Card).collect();
    } else if options.systemd {
        tools::provide(tools::packages(tools::ROOT_TOOLS), &[])?;
        let roots = wanted(root::SUITES, &options.suite).map(|suite| root::make(suite, place));
        equipment = roots.map(|root| root.map(Equipment::Root)).collect::<Result<_>>()?;
    }
    let equipped =
        kernels.iter().flat_map(|kernel| equipment.iter().map(move |equipment| (kernel, equipment)));
    Ok(equipped.map(|(kernel, equipment)| Machine::new(kernel, &emulator, equipment.clone())).collect())
}

/// Those of `all` that are named; all if none is.
fn wanted<const N: usize>(all: [&'static str; N], named: &[String]) -> impl Iterator<Item = &'static str> {
    all.into_iter().filter(move |one| named.is_empty() || named.iter().any(|name| name == one))
}
