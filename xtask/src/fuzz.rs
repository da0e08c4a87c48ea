//! `cargo xtask fuzz`: builds the targets of `tests/fuzz`, and runs them one after the other. Each starts
//! from its seeds, its regressions and the inputs that earlier runs kept. The task names each fault that a
//! target finds, and fails.

use std::{
    env,
    fmt::Write as _,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use crate::{cargo, command, setup, test, tools};

mod documents;
mod target;

use target::Target;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Seconds that each target runs
    #[arg(long, value_name = "N", default_value_t = 600,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(i32::MAX)))]
    seconds: u32,
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
    tools::provide(tools::packages(tools::FUZZ_TOOLS), &[tools::FUZZ])?;
    let workspace = cargo::workspace();
    let places = Places { package: workspace.join("tests/fuzz"), made: cargo::target_dir()?.join("fuzz") };
    let binaries = places.build()?;
    documents::put(&places.made.join("documents"))?;

    let is_selected = |target: &&Target| {
        options.targets.is_empty() || options.targets.iter().any(|name| name == target.name)
    };
    let mut found = String::new();
    for target in target::ALL.iter().filter(is_selected) {
        eprintln!("xtask: {}, {} s", target.name, options.seconds);
        let log = places.made.join(target.name).with_extension("log");
        let ended_well = places.fuzz(&binaries, target, options.seconds, &log)?;
        match outcome(&String::from_utf8_lossy(&fs::read(&log)?), ended_well) {
            Ok(runs) => println!("{:<14} {runs}", target.name),
            Err(fault) => write!(found, "\n{}: {fault}; its output is in {}", target.name, log.display())?,
        }
    }
    ensure!(
        found.is_empty(),
        "the fuzzer found faults:{found}\n\
         to reproduce a fault, start its target in {} with that file; after the fix, keep the file in {}",
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

    /// Runs a target until its time is over or it finds a fault, with its output in `log`. Returns true if it
    /// found none.
    fn fuzz(&self, binaries: &Path, target: &Target, seconds: u32, log: &Path) -> Result<bool> {
        let corpus = self.made.join("corpus").join(target.name);
        let artifacts = self.made.join("artifacts").join(target.name);
        for made in [&corpus, &artifacts] {
            fs::create_dir_all(made).with_context(|| format!("cannot make {}", made.display()))?;
        }
        let mut fuzzer = Command::new(binaries.join(target.name));
        // The daemon's settings are the fuzzer's input, so the user's own settings are removed.
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

        let log = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        // Rust itself rejects duplicate definitions at link time, so this check is off, as in cargo-fuzz.
        fuzzer.env("ASAN_OPTIONS", "detect_odr_violation=0").stdout(log.try_clone()?).stderr(log);
        let status =
            fuzzer.status().with_context(|| format!("cannot start {}", fuzzer.get_program().display()))?;
        Ok(status.success())
    }
}

/// Reads libFuzzer's output: the number of runs, or the fault and the input that shows it.
fn outcome(output: &str, ended_well: bool) -> Result<String, String> {
    let behind = |mark| output.lines().find_map(|line| line.split_once(mark)).map(|(_, rest)| rest);
    if ended_well {
        return behind("Done ").map(str::to_owned).ok_or("it printed no number of runs".to_owned());
    }
    let fault = behind("SUMMARY: ").unwrap_or("it failed without a message");
    let input = behind("Test unit written to ").map(|input| format!(", by {input}"));
    Err(format!("{fault}{}", input.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_named_with_its_input() {
        let good = "#16384\tDONE   cov: 413 ft: 981 corp: 58/3121b\nDone 16384 runs in 5 second(s)\n";
        assert_eq!(outcome(good, true).unwrap(), "16384 runs in 5 second(s)");
        assert!(outcome("#2\tINITED cov: 6", true).is_err());
        let bad = "==7== ERROR: libFuzzer: deadly signal\nSUMMARY: libFuzzer: deadly signal\n\
                   artifact_prefix='/t/a/'; Test unit written to /t/a/crash-0123\n";
        assert_eq!(outcome(bad, false).unwrap_err(), "libFuzzer: deadly signal, by /t/a/crash-0123");
        assert_eq!(outcome("", false).unwrap_err(), "it failed without a message");
    }
}
