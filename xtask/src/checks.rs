//! The list of everything that checks this workspace: `cargo xtask ci` for each change, and
//! `cargo xtask release-check` before a release, which leaves nothing out. A new check is a line here.

use std::time::Instant;

use anyhow::{Result, ensure};
use clap::builder::PossibleValuesParser;

use crate::{cargo, command};

/// A check: its name, its command for each change (may be empty), and its command before a release. A command
/// is the arguments of `cargo xtask`, behind variables.
type Check = (&'static str, &'static str, &'static str);

const CHECKS: [Check; 12] = [
    ("lint", "lint", "lint"),
    ("test", "test", "test --coverage"),
    ("demo", "demo", "demo"),
    ("fuzz", "fuzz --seconds 10", "fuzz --seconds 600"),
    // The host's kernel is newer.
    ("vm-test", "vm-test --quick --kernel 5.10", "vm-test"),
    // Kills and reloads by real systemd, in the older Debian.
    ("systemd", "vm-test not_started_again systemd::reload --systemd --suite bookworm", "vm-test --systemd"),
    ("nic", "", "vm-test --nic"),
    ("dist", "", "dist --check"),
    ("faults", "", "D365_FAULTS=all test -- --test privileged every_call"),
    (
        "frames",
        "",
        "D365_FRAMES=10000000 test -- --test privileged --test unprivileged -- oracle:: drops:: tc::same::",
    ),
    ("sanitize", "", "sanitize"),
    ("bench", "", "bench --check"),
];

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run only these checks
    #[arg(long, num_args = 1.., value_name = "CHECK",
        value_parser = PossibleValuesParser::new(CHECKS.map(|(name, ..)| name)))]
    only: Vec<String>,
    /// Show the checks, and run none
    #[arg(long)]
    list: bool,
}

/// Runs the checks for each change, up to the first that fails.
pub(crate) fn ci() -> Result<()> {
    run(CHECKS.map(|(name, command, _)| (name, command)).into_iter().filter(|(_, c)| !c.is_empty()), true)
}

/// Runs the checks before a release, all of them even if some fail.
pub(crate) fn release(Options { only, list }: &Options) -> Result<()> {
    let checks = CHECKS.map(|(name, _, command)| (name, command)).into_iter();
    let checks = checks.filter(|(name, _)| only.is_empty() || only.iter().any(|only| only == name));
    if *list {
        checks.for_each(|(name, command)| println!("{name:<10}{command}"));
        return Ok(());
    }
    run(checks, false)
}

/// Runs checks one after the other, and prints one table at the end.
fn run(checks: impl Iterator<Item = (&'static str, &'static str)>, stops_at_failure: bool) -> Result<()> {
    let begin = Instant::now();
    let mut table = Vec::new();
    let mut failed = Vec::new();
    for (name, check) in checks {
        println!("== {name}: {check} ==");
        let started = Instant::now();
        let (variables, args) = split(check);
        let mut xtask = cargo::cargo()?;
        // With this variable, a missing program is a failure; without it, its tests are left out.
        xtask.env("CI", "true").envs(variables).arg("xtask").args(args);
        let outcome = command::run(&mut xtask);
        table.push((name, if outcome.is_ok() { "ok" } else { "FAILED" }, started.elapsed().as_secs()));
        if let Err(error) = outcome {
            eprintln!("xtask: {name}: {error:#}");
            failed.push(name);
            if stops_at_failure {
                break;
            }
        }
    }
    table.push(("all", if failed.is_empty() { "ok" } else { "FAILED" }, begin.elapsed().as_secs()));
    println!("\n{:<10}{:<8}{:>8}", "check", "result", "time");
    for (name, result, seconds) in table {
        println!("{name:<10}{result:<8}{:>5}:{:02}", seconds / 60, seconds % 60);
    }
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

/// The variables and the arguments of a command.
fn split(command: &str) -> (Vec<(&str, &str)>, Vec<&str>) {
    let words: Vec<&str> = command.split(' ').collect();
    let variables: Vec<_> = words.iter().map_while(|word| word.split_once('=')).collect();
    let args = words[variables.len()..].to_vec();
    (variables, args)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, process::Command};

    use clap::{CommandFactory as _, Parser as _};

    use super::*;
    use crate::Cli;

    /// Commands that check nothing, or that are a part of a check: `tidy` is one of `lint`.
    const OTHERS: [&str; 5] = ["setup", "run", "tidy", "ci", "release-check"];

    #[test]
    fn every_checking_command_runs_before_a_release() {
        let checking = CHECKS.map(|(.., command)| split(command).1[0]);
        let listed: BTreeSet<&str> = checking.into_iter().chain(OTHERS).collect();
        let cli = Cli::command();
        assert_eq!(listed, cli.get_subcommands().map(clap::Command::get_name).collect());
    }

    #[test]
    fn every_command_is_one_that_xtask_accepts() {
        for command in CHECKS.iter().flat_map(|(_, ci, release)| [ci, release]).filter(|c| !c.is_empty()) {
            let (_, args) = split(command);
            Cli::try_parse_from(["xtask"].into_iter().chain(args))
                .unwrap_or_else(|e| panic!("{command}: {e}"));
        }
    }

    #[test]
    fn the_testing_guide_has_every_check() {
        let guide = std::fs::read_to_string(cargo::workspace().join("docs/testing.md")).unwrap();
        for (name, ci, release) in CHECKS {
            let ci = if ci.is_empty() { "| |".to_owned() } else { format!("| `{ci}` |") };
            let row = format!("| {name} {ci} `{release}` |");
            assert!(guide.lines().any(|line| line == row), "docs/testing.md: {row}");
        }
    }

    #[test]
    fn every_test_that_generates_frames_gets_more_of_them_before_a_release() {
        let mut git = Command::new("git");
        git.current_dir(cargo::workspace()).args(["grep", "--files-with-matches", "generate::asked("]);
        let files = command::stdout(git.args(["tests/privileged", "tests/unprivileged"])).unwrap();
        let (_, frames) =
            CHECKS.iter().find(|(name, ..)| *name == "frames").unwrap().2.rsplit_once("-- ").unwrap();
        for file in files.lines() {
            let modules = file.trim_end_matches(".rs").splitn(3, '/').nth(2).unwrap().replace('/', "::");
            assert!(frames.split(' ').any(|filter| format!("{modules}::").starts_with(filter)), "{file}");
        }
    }

    #[test]
    fn variables_precede_the_arguments() {
        assert_eq!(split("A=b C=d test -- e=f"), (vec![("A", "b"), ("C", "d")], vec!["test", "--", "e=f"]));
        assert_eq!(split("lint"), (vec![], vec!["lint"]));
    }
}
