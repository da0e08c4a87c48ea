//! `cargo xtask test --coverage` and `cargo xtask coverage`: the lines of the daemon that the tests run.
//!
//! The tests run once and as always, on instrumented binaries (`coverage/rustc.sh`). The daemon that they
//! start is instrumented as well. `d365-common` and `d365-user` are measured; tests, benchmarks and xtask are
//! not. This module does not choose the tests that run.

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use d365_tests::temp::TempDir;

use crate::{cargo, command, setup, test};

mod lcov;
mod llvm;
mod report;

/// The least percentage of the daemon's lines that the tests must run.
const LEAST: u64 = 85;

/// Variables that make cargo build instrumented binaries, and make these write their counts.
pub(crate) type Environment = Vec<(&'static str, OsString)>;

/// A run of tests whose lines are counted.
pub(crate) struct Counting {
    llvm: llvm::Llvm,
    /// Each process writes its own file here.
    raw: TempDir,
}

impl Counting {
    /// Prepares a run. With `fresh`, it deletes the earlier counts.
    pub(crate) fn start(fresh: bool) -> Result<Self> {
        let llvm = llvm::ensure()?;
        let raw = TempDir::new("coverage");
        // Daemons that run as `nobody` count as well. They could not reach a directory below root's own home.
        fs::set_permissions(raw.path(), fs::Permissions::from_mode(0o1777))?;
        if fresh && counts()?.exists() {
            fs::remove_file(counts()?)?;
        }
        Ok(Self { llvm, raw })
    }

    /// The variables that a run must be started with.
    pub(crate) fn environment(&self) -> Environment {
        // `%p` is the process, and `%m` differs between two binaries: a process that executes another program
        // has two files.
        counting(self.raw.file("%p-%m.profraw"))
    }

    /// Adds the counts of the run's processes to the earlier counts.
    pub(crate) fn finish(self) -> Result<()> {
        let counts = counts()?;
        let mut files: Vec<PathBuf> =
            fs::read_dir(self.raw.path())?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        ensure!(!files.is_empty(), "no process of the tests counted anything");
        eprintln!("xtask: {} processes counted", files.len());
        files.extend(counts.exists().then(|| counts.clone()));
        let list = self.raw.file("list");
        fs::write(&list, files.iter().map(|file| format!("{}\n", file.display())).collect::<String>())?;
        let sum = counts.with_extension("new");
        fs::create_dir_all(counts.parent().context("no directory")?)?;
        let mut merge = Command::new(self.llvm.profdata);
        // A process that was killed while it wrote leaves an incomplete file.
        merge
            .args(["merge", "--sparse", "--failure-mode=warn", "--input-files"])
            .arg(list)
            .arg("-o")
            .arg(&sum);
        command::run(&mut merge)?;
        fs::rename(&sum, &counts).with_context(|| format!("cannot write {}", counts.display()))
    }
}

/// Prints the lines that the runs up to now have covered. Too few lines are an error.
pub(crate) fn report() -> Result<()> {
    setup::ensure(setup::Options::default())?;
    let llvm = llvm::ensure()?;
    let counts = counts()?;
    ensure!(counts.is_file(), "nothing was counted yet: `cargo xtask test --coverage`");
    let (daemon, mut binaries) = binaries()?;
    binaries.push(daemon);
    let mut export = Command::new(llvm.cov);
    export.args(["export", "--format=lcov", "--instr-profile"]).arg(&counts);
    export.args(binaries.iter().flat_map(|binary| ["--object".into(), binary.clone().into_os_string()]));
    let workspace = cargo::workspace();
    let text = |path: &str| fs::read_to_string(workspace.join(path)).unwrap_or_default();
    let lines = lcov::read(&command::stdout(&mut export)?, &workspace, &text);
    print!("{}", report::text(&lines, LEAST));
    let total = report::total(&lines);
    ensure!(total.share() >= LEAST * 10, "the tests run less than {LEAST} % of the daemon's lines");
    Ok(())
}

/// The daemon, and all instrumented binaries of tests. They are built if necessary.
fn binaries() -> Result<(PathBuf, Vec<PathBuf>)> {
    let environment = counting(cargo::target_dir()?.join("coverage/unused-%m.profraw"));
    let daemon = cargo::build_daemon(cargo::Profile::Debug, &environment)?;
    let mut build = cargo::cargo()?;
    let tests = cargo::build_tests(build.arg("test").args(test::EVERYTHING).envs(environment))?;
    // xtask is not instrumented.
    Ok((daemon, tests.into_iter().filter(|tests| tests.target != "xtask").map(|tests| tests.path).collect()))
}

fn counting(raw: PathBuf) -> Environment {
    let compiler = cargo::workspace().join("xtask/src/coverage/rustc.sh");
    vec![("RUSTC_WORKSPACE_WRAPPER", compiler.into()), ("LLVM_PROFILE_FILE", raw.into())]
}

/// The file with the counts of all runs.
fn counts() -> Result<PathBuf> {
    Ok(cargo::target_dir()?.join("coverage/counts.profdata"))
}

/// Returns true if a file of the workspace belongs to the measured code.
fn is_measured(path: &Path) -> bool {
    ["d365-common/src", "d365-user/src"].iter().any(|crates| path.starts_with(crates))
        && !["tests.rs", "properties.rs"].iter().any(|name| path.ends_with(name))
        && !path.components().any(|part| part.as_os_str() == "tests")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_daemon_is_made_of_is_measured_and_tests_are_not() {
        let measured = |path: &str| is_measured(Path::new(path));
        assert!(measured("d365-user/src/counters/published.rs") && measured("d365-common/src/packet.rs"));
        for path in [
            "d365-user/src/counters/published/tests.rs",
            "d365-user/src/counters/published/tests/made.rs",
            "d365-user/benches/pure.rs",
            "d365-user/build.rs",
            "tests/harness/lib.rs",
            "xtask/src/main.rs",
        ] {
            assert!(!measured(path), "{path}");
        }
    }
}
