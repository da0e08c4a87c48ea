//! All automation of this workspace: `cargo xtask --help`.
//!
//! It must build on a machine where nothing is set up yet, so it never depends on `d365-user`.

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

mod apt;
mod bench;
mod cargo;
mod checks;
mod command;
mod coverage;
mod demo;
mod dist;
mod fuzz;
mod lint;
mod run;
mod sanitize;
mod setup;
mod step;
mod test;
mod tidy;
mod toolchain;
mod tools;
mod vm;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "All automation of this workspace")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what the kernel program's build needs and this machine lacks
    Setup(setup::Options),
    /// Set up, build, and run the daemon: `cargo xtask run --iface eth0`; every argument goes to it
    #[command(disable_help_flag = true)]
    Run {
        /// The daemon's arguments
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Set up, build, and show the daemon at work between network namespaces of the demo's own making
    Demo {
        /// Show this daemon instead of setting up and building one
        #[arg(long)]
        daemon: Option<PathBuf>,
    },
    /// Set up and run every test, the privileged ones too; arguments behind `--` go to `cargo test`
    Test {
        /// Print which lines the tests run; all tests together fail below 87.5 % of the daemon's
        #[arg(long)]
        coverage: bool,
        /// Arguments for `cargo test`
        #[arg(last = true)]
        args: Vec<OsString>,
    },
    /// Run the tests that reach unsafe code of the user side, and of its dependencies, under the address
    /// sanitizer
    Sanitize,
    /// Run the privileged tests in real kernels of Debian's, under QEMU
    VmTest(vm::Options),
    /// Set up, build, and measure the kernel program and the daemon, in namespaces of the benchmark's own
    /// making
    Bench(bench::Options),
    /// Set up, build the fuzz targets, and run each
    Fuzz(fuzz::Options),
    /// Set up and check formatting, lints, licences, dependencies and the repository's own rules
    Lint,
    /// Set up, and make the packages of a release in target/dist
    Dist(dist::Options),
    /// Check the repository's own rules
    Tidy,
    /// Run the checks for each change, up to the first that fails: what `.ci/run` runs
    Ci,
    /// Run every check, as before a release, and print one table of their results
    ReleaseCheck(checks::Options),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Setup(options) => setup::ensure(options),
        Task::Run { args } => run::daemon(&args),
        Task::Demo { daemon } => run::demo(daemon),
        Task::Test { coverage, args } => test::run(&args, coverage),
        Task::Sanitize => sanitize::run(),
        Task::VmTest(options) => vm::test(&options),
        Task::Bench(options) => bench::run(&options),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Lint => lint::all(),
        Task::Dist(options) => dist::run(&options),
        Task::Tidy => tidy::check(&cargo::workspace()),
        Task::Ci => checks::ci(),
        Task::ReleaseCheck(options) => checks::release(&options),
    };
    if let Err(error) = outcome {
        eprintln!("xtask: {error:#}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
