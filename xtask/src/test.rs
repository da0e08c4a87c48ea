//! `cargo xtask test`: runs every test, with the daemon's binary next to them. Only the privileged tests run
//! as root.

use std::{env, ffi::OsString, path::Path, thread};

use anyhow::{Context as _, Result, ensure};

use crate::{
    cargo::{self, Variable},
    command, coverage, setup, tools,
};
use times::Times;

mod times;

/// The package and the target of the tests that need root.
const LAB: &str = "d365-tests";
const PRIVILEGED: &str = "privileged";
/// The variable that libtest reads the number of its threads from.
const THREADS: &str = "RUST_TEST_THREADS";
/// Tests that run at the same time on each processor. Most wait: for the kernel, for a daemon, for time.
const TESTS_PER_PROCESSOR: usize = 2;
/// Arguments that make cargo test everything that is built for the host.
const EVERYTHING: [&str; 3] = ["--workspace", "--exclude", "d365-ebpf"];

/// Sets up and runs the tests; `args` go to `cargo test`. With `counted`, it prints the lines that they run,
/// and fails if all tests together run too few. Lines that failing tests ran do not count.
pub(crate) fn run(args: &[OsString], counted: bool) -> Result<()> {
    setup::ensure(setup::Options::default())?;
    tools::for_tests()?;
    if !counted {
        return all(args, &[]);
    }
    let counting = coverage::Counting::start()?;
    all(args, counting.variables())?;
    counting.report(args.is_empty())
}

/// Builds the daemon, and runs the tests. All commands get these variables.
fn all(args: &[OsString], variables: &[Variable]) -> Result<()> {
    let daemon = cargo::daemon("dev", &["--test", "unprivileged"], variables)?;
    let threads = threads()?;
    let test = |selection: &[&str]| -> Result<_> {
        let mut test = cargo::cargo()?;
        test.envs(variables.iter().cloned()).env("D365_USER_BIN", &daemon).env(THREADS, &threads);
        test.arg("test").args(selection).args(args);
        Ok(test)
    };
    if selects(args) {
        return command::run(&mut test(&[])?);
    }
    let runner = runner(&host()?);
    let mut times = Times::default();
    for Part { selection, through } in parts(args.is_empty())? {
        let mut test = test(&selection)?;
        if args.is_empty() {
            test.env(&runner, format!("{through} {}", times::VARIABLE));
            times.run(test.arg("--").args(times::ARGUMENTS))?;
        } else {
            command::run(test.env(&runner, through))?;
        }
    }
    if args.is_empty() {
        command::run(&mut test(&[&EVERYTHING[..], &["--doc"]].concat())?)?;
        times.show();
    }
    Ok(())
}

/// The number of tests that run at the same time, as the user's variable has it or by the processors.
fn threads() -> Result<OsString> {
    if let Some(threads) = env::var_os(THREADS) {
        return Ok(threads);
    }
    let processors = thread::available_parallelism().context("cannot count the processors")?;
    Ok((processors.get() * TESTS_PER_PROCESSOR).to_string().into())
}

/// Tests that one call of cargo runs.
struct Part {
    selection: Vec<&'static str>,
    /// The program and its arguments through which cargo starts them: `env`, or sudo.
    through: String,
}

/// All tests: one part as root, otherwise those that need root are a part of their own. Documentation tests
/// report no times, so they are left out if the parts are `timed`.
fn parts(timed: bool) -> Result<Vec<Part>> {
    let part =
        |selection: &[&[&'static str]]| Part { selection: selection.concat(), through: "env".to_owned() };
    let targets: &[&str] = if timed { &["--lib", "--bins", "--tests"] } else { &[] };
    if command::is_root() {
        return Ok(vec![part(&[&EVERYTHING, targets])]);
    }
    let mut parts = vec![
        part(&[&EVERYTHING, targets, &["--exclude", LAB]]),
        part(&[&["--package", LAB, "--lib", "--test", "unprivileged"]]),
    ];
    if let Some(sudo) = command::sudo() {
        let through = through_sudo(&sudo, &cargo::path()?.to_string_lossy());
        parts.push(Part { through, ..part(&[&["--package", LAB, "--test", PRIVILEGED]]) });
    } else {
        let advice = "the privileged tests did not run: they need root, and there is no sudo";
        ensure!(!command::ci(), advice);
        eprintln!("xtask: {advice}");
    }
    Ok(parts)
}

/// The variable with the program through which cargo starts what it builds for this target.
pub(crate) fn runner(host: &str) -> String {
    format!("CARGO_TARGET_{}_RUNNER", host.to_uppercase().replace('-', "_"))
}

/// The value that makes it start programs through sudo. It sets the PATH, because sudo uses its own.
pub(crate) fn through_sudo(sudo: &Path, path: &str) -> String {
    format!("{} -E env PATH={path}", sudo.display())
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
        assert!(is_module("handover::") && is_module("tags::") && is_module("tags::marks::"));
        assert!(!is_module("pin::") && !is_module("marks::"));
    }

    #[test]
    fn privileged_tests_run_through_sudo_with_our_path() {
        assert_eq!(runner("x86_64-unknown-linux-gnu"), "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER");
        assert_eq!(through_sudo(Path::new("/usr/bin/sudo"), "/a:/b"), "/usr/bin/sudo -E env PATH=/a:/b");
    }
}
