//! `cargo xtask lint`: checks formatting, clippy, dependencies, and the repository's own rules. It runs all
//! checks, and then names all failures.

use std::{env, process::Command};

use anyhow::{Result, anyhow, ensure};

use crate::{cargo, command, setup, tidy, toolchain, tools};

/// The package of the fuzz targets, which is not part of the workspace.
const FUZZ: &str = "tests/fuzz/Cargo.toml";

pub(crate) fn all() -> Result<()> {
    setup::ensure(setup::Options::default())?;
    let facts = toolchain::Facts::gather();
    let compiler = facts.choose().map_err(|missing| anyhow!("{missing}"))?.compiler;
    tools::for_lints(compiler)?;

    let outcomes = [
        ("tidy", tidy::check(&cargo::workspace())),
        ("rustfmt", check(cargo::cargo()?.args(["fmt", "--all", "--check"]))),
        ("rustfmt, fuzz targets", check(cargo::cargo()?.args(["fmt", "--manifest-path", FUZZ, "--check"]))),
        ("clippy, host", check(clippy_host(&mut cargo::cargo()?))),
        ("clippy, fuzz targets", check(clippy_fuzz(&mut cargo::cargo()?)?)),
        ("clippy, kernel program", check(clippy_kernel(&mut tools::kernel_cargo(compiler)?)?)),
        ("dependencies", dependencies(None)),
        ("dependencies, fuzz targets", dependencies(Some(FUZZ))),
        // `cargo run` sets this variable for us. With it, machete would assume that cargo did not call it.
        ("unused dependencies", check(cargo::cargo()?.arg("machete").env_remove("CARGO_PKG_NAME"))),
        ("advisories", advisories()),
    ];
    let failed: Vec<&str> =
        outcomes.iter().filter(|(_, outcome)| outcome.is_err()).map(|(name, _)| *name).collect();
    for (name, outcome) in &outcomes {
        if let Err(error) = outcome {
            eprintln!("xtask: {name}: {error:#}");
        }
    }
    ensure!(failed.is_empty(), "lint found something: {}", failed.join("; "));
    Ok(())
}

/// Checks licences, sources and versions: those of the workspace, or of another package by its manifest.
fn dependencies(manifest: Option<&str>) -> Result<()> {
    let mut deny = cargo::cargo()?;
    deny.arg("deny").args(manifest.iter().flat_map(|manifest| ["--manifest-path", manifest]));
    // An exception is for one of the two, and is not met in the other.
    deny.args(["check", "--allow", "license-exception-not-encountered"]);
    check(deny.args(["bans", "licenses", "sources"]))
}

fn check(command: &mut Command) -> Result<()> {
    eprintln!("xtask: {}", command::shown(command));
    command::run(command)
}

/// `--locked` reports a lock file that a commit left out, before a build changes it.
fn clippy_host(cargo: &mut Command) -> &mut Command {
    cargo.args(["clippy", "--locked", "--workspace", "--exclude", "d365-ebpf", "--all-targets"]);
    cargo.args(["--", "-D", "warnings"])
}

/// Clippy sees the properties of the targets a second time, as part of the tests. Most dependencies are those
/// of the workspace, so they are checked only once.
fn clippy_fuzz(cargo: &mut Command) -> Result<&mut Command> {
    cargo.args(["clippy", "--locked", "--manifest-path", FUZZ, "--target-dir"]);
    Ok(cargo.arg(cargo::target_dir()?).args(["--", "-D", "warnings"]))
}

/// The flags are those that `aya-build` builds it with.
fn clippy_kernel(cargo: &mut Command) -> Result<&mut Command> {
    let target = if cfg!(target_endian = "big") { "bpfeb-unknown-none" } else { "bpfel-unknown-none" };
    cargo.args(["clippy", "--package", "d365-ebpf", "--release", "-Z", "build-std=core", "--target", target]);
    cargo.arg("--target-dir").arg(cargo::target_dir()?.join("lint-kernel")).args(["--", "-D", "warnings"]);
    let arch = env::consts::ARCH;
    Ok(cargo.env("CARGO_ENCODED_RUSTFLAGS", format!("--cfg=bpf_target_arch=\"{arch}\"")))
}

/// Checks for known faults of dependencies. If their database cannot be fetched, it reports this and does not
/// fail.
fn advisories() -> Result<()> {
    let mut fetch = Command::new("timeout");
    fetch.arg("120").arg(cargo::cargo()?.get_program()).args(["deny", "fetch", "db"]);
    fetch.current_dir(cargo::workspace()).env("PATH", cargo::path()?);
    if let Err(error) = command::stdout(&mut fetch) {
        let error = error.to_string();
        let reason = error.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        eprintln!("xtask: advisories NOT CHECKED: their database cannot be fetched: {reason}");
        return Ok(());
    }
    check(cargo::cargo()?.args(["deny", "--offline", "check", "advisories"]))
}
