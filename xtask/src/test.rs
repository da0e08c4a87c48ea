//! `cargo xtask test`: runs every test, with the daemon's binary next to them. Only the privileged tests run
//! as root.

use std::{ffi::OsString, path::Path, process::Command};

use anyhow::{Result, bail};

use crate::{
    cargo::{self, Profile},
    command,
    coverage::{self, Counting},
    setup, toolchain, tools,
};
use times::Times;

mod times;

/// The package and the target of the tests that need root.
const LAB: &str = "d365-tests";
const PRIVILEGED: &str = "privileged";
/// Arguments that make cargo test everything that is built for the host.
pub(crate) const EVERYTHING: [&str; 3] = ["--workspace", "--exclude", "d365-ebpf"];

/// Does the same as [`all`], and counts the lines of the daemon that are run. After all tests, it prints the
/// report.
pub(crate) fn counted(args: &[OsString]) -> Result<()> {
    let counting = Counting::start(args.is_empty())?;
    // Lines that failing tests ran do not count.
    all(args, &counting.environment())?;
    counting.finish()?;
    if args.is_empty() { coverage::report() } else { Ok(()) }
}

/// Sets up, builds the daemon, and runs the tests. `args` go to `cargo test`. All commands get these
/// variables.
pub(crate) fn all(args: &[OsString], variables: &[(&str, OsString)]) -> Result<()> {
    setup::ensure(setup::Options::default())?;
    tools::for_tests()?;
    let daemon = cargo::build_daemon(Profile::Debug, variables)?;
    let test = |selection: &[&str]| -> Result<Command> {
        let mut test = cargo::cargo()?;
        test.envs(variables.iter().cloned());
        test.arg("test").args(selection).args(args).env("D365_USER_BIN", &daemon);
        Ok(test)
    };
    if selects(args) {
        return command::run(&mut test(&[])?);
    }
    if !args.is_empty() {
        return some(&test);
    }
    let host = host()?;
    let mut times = Times::default();
    let mut timed = |selection: &[&str], (variable, runner): (String, String)| -> Result<()> {
        let mut test = test(selection)?;
        test.env(variable, format!("{runner} {}", times::VARIABLE)).arg("--").args(times::ARGUMENTS);
        times.run(&mut test)
    };
    let unit = [&EVERYTHING[..], &["--lib", "--bins", "--tests"]].concat();
    if command::is_root() {
        timed(&unit, own_runner(&host))?;
    } else {
        timed(&[&unit[..], &["--exclude", LAB]].concat(), own_runner(&host))?;
        timed(&["--package", LAB, "--lib", "--test", "unprivileged"], own_runner(&host))?;
        if let Some(runner) = root_runner(&host)? {
            timed(&["--package", LAB, "--test", PRIVILEGED], runner)?;
        }
    }
    command::run(&mut test(&[&EVERYTHING[..], &["--doc"]].concat())?)?;
    times.show();
    Ok(())
}

/// Runs the tests that the arguments in `test` leave, without times.
fn some(test: &dyn Fn(&[&str]) -> Result<Command>) -> Result<()> {
    if command::is_root() {
        return command::run(&mut test(&EVERYTHING)?);
    }
    command::run(&mut test(&[&EVERYTHING[..], &["--exclude", LAB]].concat())?)?;
    command::run(&mut test(&["--package", LAB, "--lib", "--test", "unprivileged"])?)?;
    match root_runner(&host()?)? {
        Some((variable, runner)) => {
            command::run(test(&["--package", LAB, "--test", PRIVILEGED])?.env(variable, runner))
        }
        None => Ok(()),
    }
}

/// The variable that makes cargo start tests through `env`, and its value.
fn own_runner(host: &str) -> (String, String) {
    (variable(host), "env".to_owned())
}

/// The same for tests that need root; `None`, with a message, if there is no sudo.
fn root_runner(host: &str) -> Result<Option<(String, String)>> {
    let Some(sudo) = toolchain::find("sudo") else {
        let advice = "the privileged tests did not run: they need root, and there is no sudo";
        if command::ci() {
            bail!(advice);
        }
        eprintln!("xtask: {advice}");
        return Ok(None);
    };
    Ok(Some(runner(host, &sudo, &cargo::path()?.to_string_lossy())))
}

fn variable(host: &str) -> String {
    format!("CARGO_TARGET_{}_RUNNER", host.to_uppercase().replace('-', "_"))
}

/// Returns true if the user chooses packages or targets. Then xtask adds none.
fn selects(args: &[OsString]) -> bool {
    let ours = args.iter().map(|arg| arg.to_string_lossy()).take_while(|arg| arg != "--");
    let selectors =
        ["--package", "--workspace", "--all", "--test", "--lib", "--bin", "--bins", "--tests", "--doc"];
    let selects =
        |arg: &str| selectors.contains(&arg.split('=').next().unwrap_or(arg)) || arg.starts_with("-p");
    ours.into_iter().any(|arg| selects(&arg))
}

/// The variable that makes cargo start tests through sudo, and its value. The value sets the PATH, because
/// sudo uses its own.
pub(crate) fn runner(host: &str, sudo: &Path, path: &str) -> (String, String) {
    (variable(host), format!("{} -E env PATH={path}", sudo.display()))
}

/// The target triple of this machine.
pub(crate) fn host() -> Result<String> {
    let version = command::stdout(cargo::cargo()?.arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| anyhow::anyhow!("`cargo -vV` names no host"))
}

/// Returns true if the privileged tests have a module of this path, such as `a::b::`: a file or a directory
/// of theirs.
#[cfg(test)]
pub(crate) fn is_module(path: &str) -> bool {
    let place = cargo::workspace().join("tests").join(PRIVILEGED).join(path.replace("::", "/"));
    place.is_dir() || place.with_extension("rs").is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_choice_of_tests_is_not_widened() {
        let selects = |args: &[&str]| selects(&args.iter().map(OsString::from).collect::<Vec<_>>());
        assert!(!selects(&[]));
        assert!(!selects(&["ranges", "--release"]));
        assert!(!selects(&["--", "--test", "-p"]), "behind a second -- they are for the test binary");
        assert!(selects(&["-p", "d365-common"]));
        assert!(selects(&["--test=privileged"]));
    }

    #[test]
    fn a_module_of_the_tests_is_a_file_or_a_directory() {
        assert!(is_module("pins::") && is_module("tags::") && is_module("tags::marks::"));
        assert!(!is_module("pin::") && !is_module("marks::"));
    }

    #[test]
    fn privileged_tests_run_through_sudo_with_our_path() {
        let (variable, runner) = runner("x86_64-unknown-linux-gnu", Path::new("/usr/bin/sudo"), "/a:/b");
        assert_eq!(variable, "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER");
        assert_eq!(runner, "/usr/bin/sudo -E env PATH=/a:/b");
    }
}
