//! `cargo xtask vm-test`: the privileged tests in real Debian kernels, under QEMU.
//!
//! Nothing here needs root but the installing of packages, and nothing touches an interface of the host: the machines
//! have no network card. Nothing is ever left out in silence: what did not run is in the table, with the reason.

mod archive;
mod base;
mod binaries;
mod cpio;
mod kernel;
mod libtest;
mod machine;
mod rounds;
mod table;

use std::{num::NonZeroUsize, path::PathBuf, sync::Mutex, thread, time::Instant};

use anyhow::{Context as _, Result, ensure};

use self::{base::Base, rounds::Column};
use crate::{cargo, command, setup, tools};

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Kernels to run on; all when none is given
    #[arg(long, num_args = 1.., value_name = "VERSION", value_parser = kernel::names())]
    kernel: Vec<String>,
    /// Only tests whose name contains one of these
    filter: Vec<String>,
    /// Do not run tests whose name contains this; repeat it
    #[arg(long, value_name = "NAME")]
    skip: Vec<String>,
    /// Machines that run at the same time
    #[arg(long, default_value = "2")]
    jobs: NonZeroUsize,
}

/// Runs the tests on each kernel and prints the table; fails when a test failed or a machine died.
pub(crate) fn test(options: &Options) -> Result<()> {
    ensure!(cfg!(target_arch = "x86_64"), "the virtual machines are x86_64, and so must this machine be");
    setup::ensure(setup::Options::default())?;
    tools::for_machines()?;
    let binaries = binaries::build()?;
    let tests = binaries.list(&options.filter, &options.skip)?;
    ensure!(!tests.is_empty(), "no test has a name that contains one of {:?}", options.filter);

    let base = Base::make(&place()?.join("base"))?;
    archive::update(&place()?)?;
    let wanted = kernel::selected(&options.kernel);
    let kernels = wanted.iter().map(|kernel| kernel.fetch(&place()?)).collect::<Result<Vec<_>>>()?;
    let shared = binaries.pack(&base, &place()?)?;

    let started = Instant::now();
    let queue = Mutex::new(kernels.iter());
    let columns = Mutex::new(Vec::new());
    let next = || queue.lock().ok()?.next();
    thread::scope(|scope| {
        let work = || -> Result<()> {
            while let Some(kernel) = next() {
                let column = rounds::run(kernel, &shared, &tests, &place()?.join("log"))
                    .with_context(|| format!("Linux {}", kernel.name))?;
                columns.lock().expect("no thread panics while it adds a column").push(column);
            }
            Ok(())
        };
        let jobs = options.jobs.get().min(kernels.len());
        let machines: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        machines.into_iter().try_for_each(|machine| machine.join().expect("no thread panics"))
    })?;
    let mut columns = columns.into_inner().expect("no thread panicked");
    columns.sort_by_key(|column: &Column| kernels.iter().position(|kernel| kernel.name == column.kernel));

    print!("{}", table::render(&tests, &columns));
    println!("{} s for all; logs in {}", started.elapsed().as_secs(), place()?.join("log").display());
    let bad: usize = columns.iter().map(|column| column.counts()[2]).sum();
    ensure!(bad == 0, "{bad} test(s) failed");
    Ok(())
}

/// Where everything is kept: kernels, packages, archives, logs.
fn place() -> Result<PathBuf> {
    Ok(cargo::target_dir()?.join("vm"))
}

/// Whether tests may do without the vendor's documents: as on this machine.
fn documents() -> Result<Option<PathBuf>> {
    let documents = d365_tests::require::shared_data();
    if documents.is_dir() {
        return Ok(Some(documents));
    }
    ensure!(!command::ci(), "the shared documents are missing: {}", documents.display());
    Ok(None)
}
