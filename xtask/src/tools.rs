//! Programs that tests and lints call: finds the missing ones, and the packages or crates that provide them.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, anyhow, ensure};
use d365_tests::{mail, require::on_path};

use crate::{
    apt, cargo, command,
    step::{self, Change, Consent, Step},
    toolchain,
};

/// A program that tests call, its Debian package, and its purpose.
type Tool = (&'static str, &'static str, &'static str);

const TEST_TOOLS: [Tool; 5] = [
    ("bpftool", "bpftool", "tests whether libbpf reads the kernel program"),
    ("xdp-loader", "xdp-tools", "tests whether libxdp attaches the kernel program"),
    ("nft", "nftables", "tests how other programs treat a tag"),
    ("ip", "iproute2", "lets tests look at interfaces from outside"),
    ("ethtool", "ethtool", "shows tests the offloads of an interface"),
];
/// Programs that test machines need, in addition to [`TEST_TOOLS`].
const MACHINE_TOOLS: [Tool; 7] = [
    ("qemu-system-x86_64", "qemu-system-x86", "runs the test machines"),
    ("busybox", "busybox-static", "is in the test machines"),
    ("modprobe", "kmod", "is in the test machines, and finds their modules"),
    ("dash", "dash", "is in the test machines"),
    ("cpio", "cpio", "packs their file system"),
    ("xzcat", "xz-utils", "unpacks their modules"),
    ("strip", "binutils", "makes what they boot with small"),
];
/// Programs that the benchmark needs, or compares with the kernel program.
const BENCH_TOOLS: [Tool; 5] = [
    ("xdp-filter", "xdp-tools", "is measured for comparison with the kernel program"),
    ("nft", "nftables", "is measured for comparison with the kernel program"),
    ("ipset", "ipset", "is measured for comparison with the kernel program"),
    ("iptables-restore", "iptables", "is measured for comparison with the kernel program"),
    ("ip", "iproute2", "makes the benchmark's links"),
];
/// The programs that build the fuzzer.
const FUZZ_TOOLS: [Tool; 1] = [("c++", "g++", "builds libFuzzer")];
/// Not installed, because the installation would start a service.
const PROMTOOL: Tool = ("promtool", "prometheus", "checks the metrics' text");

/// A subcommand of cargo's, the crate that provides it, and its purpose. Without optimisation the crates
/// build in a third of the time, and each call lasts seconds.
type Subcommand = (&'static str, &'static [&'static str], &'static str);

const DENY: Subcommand = (
    "deny",
    &["--debug", "cargo-deny@0.20.2"],
    "checks licences, sources, versions and advisories of dependencies",
);
const MACHETE: Subcommand = ("machete", &["--debug", "cargo-machete@0.9.2"], "finds unused dependencies");
const FUZZ: Subcommand = ("fuzz", &["--debug", "cargo-fuzz@0.13.2"], "builds the fuzz targets");
const LLVM_COV: Subcommand =
    ("llvm-cov", &["--debug", "cargo-llvm-cov@0.9.1"], "counts the lines that tests run");

/// The directory of programs whose packages were unpacked and not installed.
pub(crate) fn unpacked() -> Result<PathBuf> {
    Ok(cargo::target_dir()?.join("tools/prometheus/usr/bin"))
}

/// Provides the programs for test machines.
pub(crate) fn for_machines() -> Result<()> {
    ensure!(apt::is_there(), "test machines are made of Debian's packages: there is no apt");
    provide(packages(TEST_TOOLS.into_iter().chain(MACHINE_TOOLS)), &[])
}

/// Provides the programs that the benchmark calls. The benchmark itself reports the ones that are still
/// missing.
pub(crate) fn for_bench() -> Result<()> {
    provide(packages(BENCH_TOOLS), &[])
}

/// Provides cargo-fuzz and the compiler for libFuzzer.
pub(crate) fn for_fuzzing() -> Result<()> {
    provide(packages(FUZZ_TOOLS), &[FUZZ])
}

/// Provides cargo-llvm-cov.
pub(crate) fn for_coverage() -> Result<()> {
    provide(Vec::new(), &[LLVM_COV])
}

/// Takes these steps, and installs the missing ones among these subcommands.
fn provide(mut steps: Vec<Step>, subcommands: &[Subcommand]) -> Result<()> {
    for (name, args, why) in subcommands {
        if !has_subcommand(&mut cargo::cargo()?, name) {
            steps.push(Step { change: Change::Crate(args, &[]), why });
        }
    }
    step::take(&steps, Consent::default())
}

fn has_subcommand(cargo: &mut Command, name: &str) -> bool {
    command::succeeds(cargo.args([name, "--version"]))
}

/// Installs or unpacks the programs that tests call and this machine lacks. If this cannot be done (no apt,
/// no network, the user refuses), the programs stay missing and the tests run: each test then reports what it
/// lacks. In CI it is an error.
pub(crate) fn for_tests() -> Result<()> {
    let tools = cargo::target_dir()?.join("tools");
    let has_mail = env::var_os("D365_MAIL_PROGRAMS").is_some() || mail::is_complete(&tools.join("mail"));
    let steps = test_steps(is_there, has_mail, &tools);
    let taken = if apt::is_there() || steps.is_empty() {
        step::take(&steps, Consent::default())
    } else {
        let changes: Vec<String> = steps.iter().map(|step| step.change.to_string()).collect();
        Err(anyhow!("programs are missing, and there is no apt for: {}", changes.join("; ")))
    };
    match taken {
        Err(error) if !command::ci() => {
            eprintln!("xtask: {error:#}");
            eprintln!("xtask: the tests run without it; each test that needs it reports this");
            Ok(())
        }
        taken => taken,
    }
}

/// The steps that provide the tests' programs. If all programs exist, there are no steps, and nothing uses
/// apt or the network.
fn test_steps(is_there: impl Fn(&str) -> bool, has_mail: bool, tools: &Path) -> Vec<Step> {
    let missing = TEST_TOOLS.into_iter().filter(|(program, ..)| !is_there(program));
    let mut steps: Vec<Step> =
        missing.map(|(_, package, why)| Step { change: Change::Packages(vec![package]), why }).collect();
    let (program, package, why) = PROMTOOL;
    if !is_there(program) {
        steps.push(Step { change: Change::Unpack(vec![package], tools.join(package)), why });
    }
    if !has_mail {
        // They are not installed either; the tests run them in a private root.
        let packages = mail::PACKAGES.map(|(package, _)| package).to_vec();
        let change = Change::Unpack(packages, tools.join("mail"));
        steps.push(Step { change, why: "a mail server, to test how it treats tags" });
    }
    steps
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
        (cargo::cargo()?, "fmt", component("rustfmt", "rustfmt-web", None), "checks the host's code"),
        (cargo::cargo()?, "clippy", clippy(None), "checks the host's code"),
        (
            kernel_cargo(compiler)?,
            "clippy",
            clippy(compiler.name.as_deref()),
            "checks the kernel program's code",
        ),
    ];
    let mut steps = packages(FUZZ_TOOLS);
    for (mut cargo, subcommand, change, why) in wanted {
        if !has_subcommand(&mut cargo, subcommand) && !steps.iter().any(|step| step.change == change) {
            steps.push(Step { change, why });
        }
    }
    provide(steps, &[DENY, MACHETE])
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

/// The steps that install the packages of the missing tools; none without apt.
fn packages(tools: impl IntoIterator<Item = Tool>) -> Vec<Step> {
    let missing = tools.into_iter().filter(|(program, ..)| apt::is_there() && !is_there(program));
    missing.map(|(_, package, why)| Step { change: Change::Packages(vec![package]), why }).collect()
}

fn is_there(program: &str) -> bool {
    cargo::path().is_ok_and(|path| on_path(program, &path).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_every_program_there_are_no_steps() {
        assert_eq!(test_steps(|_| true, true, Path::new("/t")), []);
        let shown = |is_there: fn(&str) -> bool, has_mail| -> Vec<String> {
            let steps = test_steps(is_there, has_mail, Path::new("/t"));
            steps.iter().map(|step| step.change.to_string()).collect()
        };
        assert_eq!(shown(|program| program != "nft", true), ["apt-get install nftables"]);
        let promtool =
            "apt-get download prometheus with dependencies, unpacked into /t/prometheus, not installed";
        assert_eq!(shown(|program| program != "promtool", true), [promtool]);
        assert_eq!(shown(|_| false, false).len(), TEST_TOOLS.len() + 2);
    }
}
