//! Programs that tests and lints call: finds the missing ones, and the packages or crates that provide them.

use std::{env, path::Path, process::Command};

use anyhow::{Context as _, Result, anyhow};
use d365_tests::mail::Programs;

use crate::{
    apt, cargo, command,
    step::{self, Change, Consent},
    toolchain,
};

/// A program, and its Debian package.
type Tool = (&'static str, &'static str);

/// Programs that tests call.
pub(crate) const TEST_TOOLS: [Tool; 5] = [
    ("bpftool", "bpftool"),
    ("xdp-loader", "xdp-tools"),
    ("nft", "nftables"),
    ("ip", "iproute2"),
    ("ethtool", "ethtool"),
];
/// Programs that make test machines, run them, or are in them, in addition to [`TEST_TOOLS`].
pub(crate) const MACHINE_TOOLS: [Tool; 7] = [
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("busybox", "busybox-static"),
    ("modprobe", "kmod"),
    ("dash", "dash"),
    ("cpio", "cpio"),
    ("xzcat", "xz-utils"),
    ("strip", "binutils"),
];
/// Programs that make a root file system for a machine with systemd.
pub(crate) const ROOT_TOOLS: [Tool; 2] = [("mmdebstrap", "mmdebstrap"), ("mke2fs", "e2fsprogs")];
/// Programs that the benchmark needs, or compares with the kernel program. The benchmark itself reports the
/// ones that are still missing.
pub(crate) const BENCH_TOOLS: [Tool; 5] = [
    ("xdp-filter", "xdp-tools"),
    ("nft", "nftables"),
    ("ipset", "ipset"),
    ("iptables-restore", "iptables"),
    ("ip", "iproute2"),
];
/// The compiler for libFuzzer.
pub(crate) const FUZZ_TOOLS: [Tool; 1] = [("c++", "g++")];

/// A subcommand of cargo's, and the crate that provides it. Without optimisation the crates build in a third
/// of the time, and each call lasts seconds.
type Subcommand = (&'static str, &'static [&'static str]);

const DENY: Subcommand = ("deny", &["--debug", "cargo-deny@0.20.2"]);
const MACHETE: Subcommand = ("machete", &["--debug", "cargo-machete@0.9.2"]);
pub(crate) const DEB: Subcommand = ("deb", &["--debug", "cargo-deb@3.8.0"]);
pub(crate) const RPM: Subcommand = ("generate-rpm", &["--debug", "cargo-generate-rpm@0.21.1"]);
pub(crate) const SBOM: Subcommand = ("cyclonedx", &["--debug", "cargo-cyclonedx@0.5.9"]);
pub(crate) const FUZZ: Subcommand = ("fuzz", &["--debug", "cargo-fuzz@0.13.2"]);
pub(crate) const LLVM_COV: Subcommand = ("llvm-cov", &["--debug", "cargo-llvm-cov@0.9.1"]);

/// Makes these changes, and installs the missing ones among these subcommands.
pub(crate) fn provide(mut changes: Vec<Change>, subcommands: &[Subcommand]) -> Result<()> {
    for (name, args) in subcommands {
        if !has_subcommand(&mut cargo::cargo()?, name) {
            changes.push(Change::Crate(args, &[]));
        }
    }
    step::make(&changes, Consent::default())
}

fn has_subcommand(cargo: &mut Command, name: &str) -> bool {
    cargo.args([name, "--version"]).output().is_ok_and(|output| output.status.success())
}

/// Installs or unpacks the programs that tests call and this machine lacks. If this cannot be done (no apt,
/// no network, the user refuses), the programs stay missing and the tests run: each test then reports what it
/// lacks. In CI it is an error.
pub(crate) fn for_tests() -> Result<()> {
    let tools = cargo::target_dir()?.join("tools");
    let has_tree = |programs: &Programs| {
        env::var_os(programs.variable).is_some() || programs.is_complete(&tools.join(programs.name))
    };
    let changes = test_changes(is_there, has_tree, &tools);
    let made = if apt::is_there() || changes.is_empty() {
        step::make(&changes, Consent::default())
    } else {
        let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
        Err(anyhow!("programs are missing, and there is no apt for: {}", changes.join("; ")))
    };
    match made {
        Err(error) if !command::ci() => {
            eprintln!("xtask: {error:#}");
            eprintln!("xtask: the tests run without it; each test that needs it reports this");
            Ok(())
        }
        made => made,
    }
}

/// The changes that provide the tests' programs. If all programs exist, there are no changes, and nothing
/// uses apt or the network.
fn test_changes(
    is_there: impl Fn(&str) -> bool,
    has_tree: impl Fn(&Programs) -> bool,
    tools: &Path,
) -> Vec<Change> {
    let missing = TEST_TOOLS.into_iter().filter(|(program, _)| !is_there(program));
    let mut changes: Vec<Change> = missing.map(|(_, package)| Change::Packages(vec![package])).collect();
    let unpacked = cargo::UNPACKED.into_iter().filter(|(program, _)| !is_there(program));
    changes.extend(unpacked.map(|(_, package)| Change::Unpack(vec![package], tools.join(package))));
    // They are not installed either; the tests run them in a private root.
    for programs in Programs::ALL.iter().filter(|programs| !has_tree(programs)) {
        let packages = programs.packages.iter().map(|(package, _)| *package).collect();
        changes.push(Change::Unpack(packages, tools.join(programs.name)));
    }
    changes
}

/// Provides rustfmt, clippy for the host and for the kernel program's `compiler`, the compiler for libFuzzer,
/// cargo-deny and cargo-machete.
pub(crate) fn for_lints(compiler: &toolchain::Compiler) -> Result<()> {
    let rustup = toolchain::find("rustup").is_some();
    let component = |component: &str, package, compiler: Option<&str>| {
        if rustup && compiler != Some(toolchain::LINKED) {
            let compiler = compiler.into_iter().flat_map(|name| ["--toolchain", name]);
            let args = ["component", "add", component].into_iter().chain(compiler);
            Change::Rustup(args.map(str::to_owned).collect())
        } else {
            Change::Packages(vec![package])
        }
    };
    let clippy = |compiler| component("clippy", "rust-web-clippy", compiler);
    let wanted = [
        (cargo::cargo()?, "fmt", component("rustfmt", "rustfmt-web", None)),
        (cargo::cargo()?, "clippy", clippy(None)),
        (kernel_cargo(compiler)?, "clippy", clippy(compiler.name.as_deref())),
    ];
    let mut changes = packages(FUZZ_TOOLS);
    for (mut cargo, subcommand, change) in wanted {
        if !has_subcommand(&mut cargo, subcommand) && !changes.contains(&change) {
            changes.push(change);
        }
    }
    provide(changes, &[DENY, MACHETE])
}

/// Cargo of the kernel program's compiler.
pub(crate) fn kernel_cargo(compiler: &toolchain::Compiler) -> Result<Command> {
    let mut cargo = match &compiler.name {
        Some(name) => {
            let mut rustup = Command::new(toolchain::find("rustup").context("there is no rustup any more")?);
            rustup.args(["run", name, "cargo"]);
            rustup
        }
        None => Command::new(toolchain::find("cargo").context("there is no cargo on the PATH")?),
    };
    cargo.current_dir(cargo::workspace()).env("PATH", cargo::path()?);
    if !compiler.nightly {
        cargo.env("RUSTC_BOOTSTRAP", "1");
    }
    Ok(cargo)
}

/// The changes that install the packages of the missing tools; none without apt.
pub(crate) fn packages(tools: impl IntoIterator<Item = Tool>) -> Vec<Change> {
    let missing = tools.into_iter().filter(|(program, _)| apt::is_there() && !is_there(program));
    missing.map(|(_, package)| Change::Packages(vec![package])).collect()
}

fn is_there(program: &str) -> bool {
    cargo::find(program).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_every_program_there_are_no_changes() {
        assert_eq!(test_changes(|_| true, |_| true, Path::new("/t")), []);
        let shown = |is_there: fn(&str) -> bool, has_trees: bool| -> Vec<String> {
            let changes = test_changes(is_there, |_| has_trees, Path::new("/t"));
            changes.iter().map(ToString::to_string).collect()
        };
        assert_eq!(shown(|program| program != "nft", true), ["apt-get install nftables"]);
        let promtool =
            "apt-get download prometheus with dependencies, unpacked into /t/prometheus, not installed";
        assert_eq!(shown(|program| program != "promtool", true), [promtool]);
        assert_eq!(
            shown(|_| false, false).len(),
            TEST_TOOLS.len() + cargo::UNPACKED.len() + Programs::ALL.len()
        );
    }
}
