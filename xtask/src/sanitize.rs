//! `cargo xtask sanitize`: the tests that reach unsafe code of the user side, under the address sanitizer.
//!
//! Dependencies are instrumented as well, because nearly all unsafe code is in them (aya, tokio, ring). The
//! standard library is not instrumented, and the sanitizer does not see writes by the kernel.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::{cargo, command, setup, test, tools};

/// Unit tests, which need no root.
const UNIT: [&str; 6] = ["test", "--package", "d365-common", "--package", "d365-user", "--lib"];
/// The daemon that the privileged tests start.
const DAEMON: [&str; 3] = ["build", "--package", "d365-user"];
const PRIVILEGED: [&str; 6] = ["test", "--package", "d365-tests", "--test", "privileged", "--"];
/// Modules of the privileged tests in which the tests or the daemon reach unsafe code: maps and their values,
/// ring buffers, pins, ioctls, netlink, loading and attaching, a daemon's whole life.
const MODULES: [&str; 8] = [
    "doctor::",
    "inspect::",
    "object::",
    "operation::",
    "handover::",
    "publishing::",
    "samples::",
    "tags::marks::",
];

/// Sets up, builds everything again with checks, and runs the tests.
pub(crate) fn run() -> Result<()> {
    setup::ensure(setup::Options::default())?;
    tools::for_tests()?;
    // The directory is separate, because `vm-test` builds for the same target without checks. With a named
    // target, build scripts and macros are built without checks.
    let (host, place) = (test::host()?, cargo::target_dir()?.join("sanitize"));
    let checked = |args: &[&str]| -> Result<Command> {
        let (subcommand, rest) = args.split_at(1);
        let mut cargo = cargo::cargo()?;
        cargo.args(subcommand).args(["--target", &host]).arg("--target-dir").arg(&place).args(rest);
        // The sanitizer's runtime comes with the stable compiler, but the compiler accepts the flag only with
        // this variable.
        cargo.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "-Zsanitizer=address");
        // On an error the daemon aborts, which no test mistakes for an expected end. The sanitizer does not
        // look for leaks: it would have to trace the process, which is not allowed without privileges.
        cargo.env("ASAN_OPTIONS", "abort_on_error=1:detect_leaks=0:detect_stack_use_after_return=1");
        Ok(cargo)
    };
    command::run(&mut checked(&UNIT)?)?;
    if !command::is_root() {
        let advice = "the privileged tests did not run under AddressSanitizer: they need root";
        ensure!(!command::ci(), advice);
        eprintln!("xtask: {advice}");
        return Ok(());
    }
    let [daemon] = cargo::built(&mut checked(&DAEMON)?, ["d365-user"])?;
    command::run(checked(&PRIVILEGED)?.args(MODULES).env("D365_USER_BIN", daemon))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_is_there() {
        for module in MODULES {
            assert!(test::is_module(module), "no test is in {module}");
        }
    }
}
