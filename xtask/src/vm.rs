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

use std::{
    iter,
    num::NonZeroUsize,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    thread,
    time::Instant,
};

use anyhow::{Result, ensure};

use self::{base::Base, kernel::Kernel, rounds::Column, selection::Selection};
use crate::{apt, cargo, setup, tools};

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
    let Selection { tests, note } =
        Selection::of(binaries.list()?, &options.filter, &options.skip, options.quick);
    ensure!(!tests.is_empty(), "no test is selected by {:?}", options.filter);

    let base = Base::make(&place()?.join("base"))?;
    archive::update(&place()?)?;
    let wanted = kernel::selected(&options.kernel);
    let kernels = wanted.iter().map(|kernel| kernel.fetch(&place()?)).collect::<Result<Vec<_>>>()?;
    let shared = binaries.pack(&base, &place()?)?;

    let started = Instant::now();
    let logs = place()?.join("log");
    // Each kernel's tests are divided among as many machines as run at a time, so that none is idle for long.
    let jobs = options.jobs.get().min(tests.len());
    let boots: Vec<(&Kernel, usize)> =
        kernels.iter().flat_map(|kernel| (0..jobs).map(move |part| (kernel, part))).collect();
    let done = side_by_side(&boots, jobs, |(kernel, part)| {
        let tests: Vec<String> = tests.iter().skip(*part).step_by(jobs).cloned().collect();
        rounds::run(kernel, *part, &shared, &tests, &logs)
    });
    let mut columns: Vec<Column> = Vec::new();
    let mut unusable = Vec::new();
    for ((kernel, _), column) in boots.iter().zip(done) {
        match (column, columns.iter_mut().find(|column| column.kernel == kernel.name)) {
            (Ok(part), Some(column)) => column.add(part),
            (Ok(part), None) => columns.push(part),
            (Err(error), _) => unusable.push(format!("Linux {}: {error:#}", kernel.name)),
        }
    }
    print!("{}", table::render(note.as_deref(), &tests, &columns));
    println!("{} s for all; logs in {}", started.elapsed().as_secs(), logs.display());
    ensure!(unusable.is_empty(), "{}", unusable.join("\n"));
    let bad: usize = columns.iter().map(|column| column.counts()[2]).sum();
    ensure!(bad == 0, "{bad} test(s) failed");
    Ok(())
}

/// Does the work for all items, at most `jobs` at a time. Returns the results in the order of the items.
fn side_by_side<T: Sync, R: Send>(all: &[T], jobs: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let queue = Mutex::new(all.iter().enumerate());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let one = || iter::from_fn(next).map(|(at, item)| (at, work(item))).collect::<Vec<_>>();
    let mut done: Vec<(usize, R)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs.min(all.len())).map(|_| scope.spawn(one)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no worker panics")).collect()
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

/// The directory of kernels, packages, archives and logs.
fn place() -> Result<PathBuf> {
    Ok(cargo::target_dir()?.join("vm"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_work() {
        for jobs in [1, 2, 9] {
            assert_eq!(side_by_side(&[3, 1, 2], jobs, |n| n * 10), [30, 10, 20]);
        }
    }
}
