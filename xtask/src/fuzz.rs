//! `cargo xtask fuzz`: builds the targets of `tests/fuzz`, and runs them one after the other. Each starts
//! from its seeds, its regressions and the inputs that earlier runs kept. A finding fails the task, and is
//! named.

use std::{
    env,
    fmt::Write as _,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, anyhow, ensure};

use crate::{cargo, command, setup, test, tools};

mod documents;
mod report;
mod target;

use report::Report;
use target::Target;

/// Seconds for each target, unless an option sets another number.
const SECONDS: u32 = 600;
/// Seconds for each target in CI. There, a run only shows that everything works, and that no old fault has
/// come back.
const SECONDS_IN_CI: u32 = 20;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Seconds that each target runs [default: 600, or 20 with CI=true]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(i32::MAX)))]
    seconds: Option<u32>,
    /// Targets to run [default: all]
    #[arg(value_parser = target::ALL.map(|target| target.name))]
    targets: Vec<String>,
}

/// The directories of the fuzzer.
struct Places {
    /// The package: seeds, regressions, dictionaries.
    package: PathBuf,
    /// Generated files, below the target directory.
    made: PathBuf,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    setup::ensure(setup::Options::default())?;
    tools::for_fuzzing()?;
    let workspace = cargo::workspace();
    let places = Places { package: workspace.join("tests/fuzz"), made: cargo::target_dir()?.join("fuzz") };
    let binaries = places.build()?;
    documents::put(&places.made.join("documents"))?;

    let seconds = options.seconds.unwrap_or(if command::ci() { SECONDS_IN_CI } else { SECONDS });
    let asked = |target: &&Target| {
        options.targets.is_empty() || options.targets.iter().any(|name| name == target.name)
    };
    let mut found = String::new();
    for target in target::ALL.iter().filter(asked) {
        eprintln!("xtask: {}, {seconds} s", target.name);
        let report = places.fuzz(&binaries, target, seconds)?;
        println!("{:<14} {report}", target.name);
        if let Some(fault) = &report.fault {
            let log = places.log(target);
            write!(found, "\n{}: {fault}; its output is in {}", target.name, log.display())?;
        }
    }
    ensure!(
        found.is_empty(),
        "the fuzzer found something:{found}\n\
         to see it again, start the target in {} with that file; once it is fixed, keep the file in {}",
        binaries.display(),
        places.package.join("regressions/TARGET").display()
    );
    Ok(())
}

impl Places {
    /// Builds all targets with `AddressSanitizer`, and returns the directory of the binaries.
    fn build(&self) -> Result<PathBuf> {
        let host = test::host()?;
        let build = self.made.join("build");
        let mut fuzz = cargo::cargo()?;
        fuzz.args(["fuzz", "build", "--sanitizer", "address", "--target", &host, "--fuzz-dir"]);
        fuzz.arg(&self.package).arg("--target-dir").arg(&build);
        // The sanitizer and the coverage instruments need unstable flags. With this variable, a stable
        // compiler accepts them.
        command::run(fuzz.env("RUSTC_BOOTSTRAP", "1"))?;
        Ok(build.join(host).join("release"))
    }

    /// Runs a target until its time is over or it finds a fault.
    fn fuzz(&self, binaries: &Path, target: &Target, seconds: u32) -> Result<Report> {
        let corpus = self.made.join("corpus").join(target.name);
        let artifacts = self.made.join("artifacts").join(target.name);
        for made in [&corpus, &artifacts] {
            fs::create_dir_all(made).with_context(|| format!("cannot make {}", made.display()))?;
        }
        let mut fuzzer = Command::new(binaries.join(target.name));
        // Removes the daemon's settings: here they are the input of the fuzzer, and must not be the user's
        // own.
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("D365_")) {
            fuzzer.env_remove(name);
        }
        fuzzer.args(target.limits()).args([
            format!("-max_total_time={seconds}"),
            // The slash at the end makes it a prefix of names in this directory.
            format!("-artifact_prefix={}/", artifacts.display()),
            "-print_final_stats=1".to_owned(),
        ]);
        let dictionary = self.package.join("dictionaries").join(target.name).with_extension("dict");
        if dictionary.is_file() {
            fuzzer.arg(format!("-dict={}", dictionary.display()));
        }
        // New inputs go into the first directory; the others are only read.
        fuzzer.arg(corpus);
        let kept =
            [&self.package.join("seeds"), &self.package.join("regressions"), &self.made.join("documents")];
        fuzzer.args(kept.map(|kept| kept.join(target.name)).iter().filter(|kept| kept.is_dir()));

        let path = self.log(target);
        let log = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        // Rust itself rejects duplicate definitions at link time, so this check is off, as in cargo-fuzz.
        let status = fuzzer
            .env("ASAN_OPTIONS", "detect_odr_violation=0")
            .stdout(log.try_clone()?)
            .stderr(log)
            .status()
            .with_context(|| format!("cannot start {}", fuzzer.get_program().display()))?;
        let words = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
        report::read(&words, status.success())
            .ok_or_else(|| anyhow!("{}: {status}, and no numbers in {}", target.name, path.display()))
    }

    /// The file with a target's output.
    fn log(&self, target: &Target) -> PathBuf {
        self.made.join(target.name).with_extension("log")
    }
}
