//! `cargo xtask bench`: builds the benchmark and the daemon in release mode, as users have them, and runs the
//! benchmark as root.

use std::{
    path::{self, PathBuf},
    process::Command,
};

use anyhow::Result;

use crate::{cargo, command, setup, test, tools};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Few and short rounds: shows in some two minutes that everything runs
    #[arg(long)]
    quick: bool,
    /// Fail where a target that is a ratio is missed; all targets are shown
    #[arg(long)]
    check: bool,
    /// Fail where a cost has grown by more than 15 % of its ratio to the floor since this report
    #[arg(long, value_name = "OLD.json")]
    compare: Option<PathBuf>,
}

/// Sets up, builds and runs the benchmark, then the benchmarks that use Criterion. A quick run calls each of
/// these only once.
pub(crate) fn run(options: &Options) -> Result<()> {
    setup::ensure(setup::Options::default())?;
    tools::provide(tools::packages(tools::BENCH_TOOLS), &[])?;
    let daemon = cargo::daemon("release", &["--bench", "bench"], &[])?;
    let mut bench = cargo_bench(&["bench"])?;
    bench.arg("--out").arg(cargo::target_dir()?.join("bench")).env("D365_USER_BIN", &daemon);
    for (is_asked, flag) in [(options.quick, "--quick"), (options.check, "--check")] {
        bench.args(is_asked.then_some(flag));
    }
    if let Some(old) = &options.compare {
        // Cargo starts the benchmark in another directory.
        bench.arg("--compare").arg(path::absolute(old)?);
    }
    if let Some(sudo) = command::sudo() {
        let through = test::through_sudo(&sudo, &cargo::path()?.to_string_lossy());
        bench.env(test::runner(&test::host()?), through);
    }
    command::run(&mut bench)?;
    let mut pure = cargo_bench(&["document", "pure"])?;
    pure.args(options.quick.then_some("--test"));
    command::run(&mut pure)
}

/// `cargo bench` of these targets; the caller adds their arguments. The features are those that the daemon
/// was built with, so that nothing is built twice.
fn cargo_bench(targets: &[&str]) -> Result<Command> {
    let mut bench = cargo::cargo()?;
    bench.args(["bench", "--quiet", "--workspace", "--exclude", "d365-ebpf"]);
    targets.iter().for_each(|target| {
        bench.args(["--bench", target]);
    });
    bench.arg("--");
    Ok(bench)
}
