//! `cargo xtask test --coverage`: the lines that the tests run, by `cargo llvm-cov`.
//!
//! The tests run as always, on instrumented binaries in a target directory of their own. The daemons that
//! they start are instrumented as well. This module does not choose the tests that run.

use std::{env, ffi::OsString, fs, os::unix::fs::PermissionsExt as _, path::PathBuf, process::Command};

use anyhow::{Context as _, Result};
use d365_tests::{mail::Programs, temp::TempDir};

use crate::{
    cargo::{self, Variable},
    command, toolchain, tools,
};

/// The least percentage of the daemon's lines that all tests together must run. The report counts unit tests
/// at a file's end too: without them it would be 85.
const LEAST: &str = "87.5";

/// A run of tests whose lines are counted.
pub(crate) struct Counting {
    variables: Vec<Variable>,
    /// Each process writes its own file here.
    raw: TempDir,
}

impl Counting {
    /// Prepares a run.
    pub(crate) fn start() -> Result<Self> {
        tools::provide(Vec::new(), &[tools::LLVM_COV])?;
        let raw = TempDir::new("coverage");
        // Daemons that run as `nobody` count as well. They could not reach a directory below root's own home.
        fs::set_permissions(raw.path(), fs::Permissions::from_mode(0o1777))?;
        let target = cargo::target_dir()?;
        let mut variables = llvm()?;
        let mut add = |name: &str, value: OsString| variables.push((name.to_owned(), value));
        add("CARGO_TARGET_DIR", target.join("coverage").into());
        for programs in Programs::ALL.iter().filter(|programs| env::var_os(programs.variable).is_none()) {
            add(programs.variable, target.join("tools").join(programs.name).into());
        }
        // The kernel program is built for another target, and counts nothing.
        let mut show = cargo::cargo()?;
        show.args(["llvm-cov", "show-env", "--coverage-host-only", "--no-cfg-coverage"]);
        let shown = command::stdout(show.envs(variables.iter().cloned()))?;
        variables.extend(shown.lines().filter_map(variable));
        // `%p` is the process, and `%m` differs between two binaries: a process that executes another program
        // has two files.
        variables.push(("LLVM_PROFILE_FILE".to_owned(), raw.file("%p-%m.profraw").into()));
        Ok(Self { variables, raw })
    }

    /// The variables that make cargo build instrumented binaries, and make these write their counts.
    pub(crate) fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// Prints the lines of each file, and the numbers of those that no test ran. With `all` tests, too few
    /// lines of the daemon are an error.
    pub(crate) fn report(self, all: bool) -> Result<()> {
        self.print("xtask", "tests|d365-[a-z]+", &[])?;
        // llvm-cov has merged the files, and they are large.
        for file in fs::read_dir(self.raw.path())?.flatten().map(|entry| entry.path()) {
            if file.extension().is_some_and(|extension| extension == "profraw") {
                fs::remove_file(file)?;
            }
        }
        let least: &[&str] = if all { &["--fail-under-lines", LEAST] } else { &[] };
        let printed = self.print("the daemon", "tests|xtask", least);
        if !all {
            return printed;
        }
        printed.with_context(|| {
            format!("cargo llvm-cov failed, or the tests run less than {LEAST} % of the daemon's lines")
        })
    }

    /// Prints the report, without the directories of the workspace that match `left_out`.
    fn print(&self, name: &str, left_out: &str, least: &[&str]) -> Result<()> {
        println!("== lines of {name} that tests run ==");
        let left_out = format!("^{}/({left_out})/", pattern(&cargo::workspace().to_string_lossy()));
        let mut report = cargo::cargo()?;
        report.args(["llvm-cov", "report", "--show-missing-lines", "--ignore-filename-regex", &left_out]);
        report.args(least).envs(self.variables.iter().cloned());
        // A process that was killed while it wrote leaves an incomplete file.
        report.env("LLVM_PROFDATA_FLAGS", "-failure-mode=warn");
        // The first directory has the binaries, the second has the counts.
        report.env("CARGO_BUILD_BUILD_DIR", cargo::target_dir()?.join("coverage"));
        command::run(report.env("CARGO_LLVM_COV_TARGET_DIR", self.raw.path()))
    }
}

/// Names Debian's programs that read the counts, if they are of the compiler's LLVM. Otherwise
/// `cargo llvm-cov` takes those of rustup (component `llvm-tools`).
fn llvm() -> Result<Vec<Variable>> {
    let mut rustc = Command::new(toolchain::find("rustc").context("there is no rustc on the PATH")?);
    let version = command::stdout(rustc.current_dir(cargo::workspace()).arg("-vV"))?;
    let llvm = toolchain::parse_compiler(&version, None).context("`rustc -vV` names no LLVM")?.llvm;
    let program = |name: &str| PathBuf::from(format!("/usr/bin/{name}-{llvm}"));
    let variables = [("LLVM_COV", program("llvm-cov")), ("LLVM_PROFDATA", program("llvm-profdata"))];
    let is_there = variables.iter().all(|(_, program)| program.is_file());
    Ok(variables
        .into_iter()
        .filter(|_| is_there)
        .map(|(name, path)| (name.to_owned(), path.into()))
        .collect())
}

/// A regular expression for this path: each special character becomes a dot.
fn pattern(path: &str) -> String {
    path.replace(|c: char| c.is_ascii_punctuation() && c != '/', ".")
}

/// Reads a line `NAME=value`; a value may be quoted.
fn variable(line: &str) -> Option<Variable> {
    let (name, value) = line.split_once('=')?;
    Some((name.to_owned(), value.trim_matches('\'').into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_pattern_without_other_special_characters() {
        assert_eq!(pattern("/home/a+b/d365 (2)"), "/home/a.b/d365 .2.");
    }

    #[test]
    fn variables_are_read_with_and_without_quotes() {
        let read = |line| variable(line).map(|(name, value)| (name, value.into_string().unwrap()));
        let expected = |name: &str, value: &str| Some((name.to_owned(), value.to_owned()));
        assert_eq!(read("RUSTC_WRAPPER=/c/cargo-llvm-cov"), expected("RUSTC_WRAPPER", "/c/cargo-llvm-cov"));
        assert_eq!(read("FLAGS='-Cx=1 -Cy'"), expected("FLAGS", "-Cx=1 -Cy"));
        assert_eq!(read(""), None);
    }
}
