//! `cargo xtask test --coverage` and `cargo xtask coverage`: which lines of the daemon the tests run.
//!
//! The tests run once and as always, on binaries that count (`coverage/rustc.sh`): the daemon that they start counts as
//! well. What is measured is `d365-common` and `d365-user`; tests, benchmarks and xtask are not. Nothing here chooses what
//! is run.

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

/// Of a hundred lines of the daemon, how many the tests run at least.
const LEAST: u64 = 85;

/// Variables that make cargo build what counts, and have it count.
pub(crate) type Environment = Vec<(&'static str, OsString)>;

/// A run of tests whose lines are counted.
pub(crate) struct Counting {
    llvm: llvm::Llvm,
    /// Each process writes a file of its own here.
    raw: TempDir,
}

impl Counting {
    /// Makes ready for a run; whatever was counted before is forgotten if it is to be counted `anew`.
    pub(crate) fn start(anew: bool) -> Result<Self> {
        let llvm = llvm::ensure()?;
        let raw = TempDir::new("coverage");
        // Daemons count as `nobody`, too. They could not reach a directory below root's own home.
        fs::set_permissions(raw.path(), fs::Permissions::from_mode(0o1777))?;
        if anew && counts()?.exists() {
            fs::remove_file(counts()?)?;
        }
        Ok(Self { llvm, raw })
    }

    /// What the run has to be started with.
    pub(crate) fn environment(&self) -> Environment {
        // The process, and what is different between two binaries: a process that becomes another has two files.
        counting(self.raw.file("%p-%m.profraw"))
    }

    /// Adds what the run's processes left to what was counted before.
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
        // A process that was killed while it wrote has left half a file.
        merge
            .args(["merge", "--sparse", "--failure-mode=warn", "--input-files"])
            .arg(list)
            .arg("-o")
            .arg(&sum);
        command::run(&mut merge)?;
        fs::rename(&sum, &counts).with_context(|| format!("cannot write {}", counts.display()))
    }
}

/// Prints which lines the runs up to now have covered; too few are a failure.
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

/// The daemon, and all binaries of tests that count; they are built where they are not.
fn binaries() -> Result<(PathBuf, Vec<PathBuf>)> {
    let environment = counting(cargo::target_dir()?.join("coverage/unused-%m.profraw"));
    let daemon = cargo::build_daemon(cargo::Profile::Debug, &environment)?;
    let mut build = cargo::cargo()?;
    let tests = cargo::build_tests(build.arg("test").args(test::EVERYTHING).envs(environment))?;
    // xtask does not count.
    Ok((daemon, tests.into_iter().filter(|tests| tests.target != "xtask").map(|tests| tests.path).collect()))
}

fn counting(raw: PathBuf) -> Environment {
    let compiler = cargo::workspace().join("xtask/src/coverage/rustc.sh");
    vec![("RUSTC_WORKSPACE_WRAPPER", compiler.into()), ("LLVM_PROFILE_FILE", raw.into())]
}

/// What was counted in all runs.
fn counts() -> Result<PathBuf> {
    Ok(cargo::target_dir()?.join("coverage/counts.profdata"))
}

/// Whether a file of the workspace is of what is measured.
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
        assert!(measured("d365-user/src/daemon/book.rs") && measured("d365-common/src/packet.rs"));
        for path in [
            "d365-user/src/daemon/book/tests.rs",
            "d365-user/src/daemon/book/tests/made.rs",
            "d365-user/benches/pure.rs",
            "d365-user/build.rs",
            "tests/harness/lib.rs",
            "xtask/src/main.rs",
        ] {
            assert!(!measured(path), "{path}");
        }
    }
}
