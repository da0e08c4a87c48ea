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
const MACHINE_TOOLS: [Tool; 8] = [
    ("qemu-system-x86_64", "qemu-system-x86", "runs the test machines"),
    ("busybox", "busybox-static", "is in the test machines"),
    ("nft", "nftables", "is in the test machines"),
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

/// Cargo's subcommands that lints call, the crate that provides each, and its purpose.
const LINT_CRATES: [(&str, Change, &str); 2] = [
    (
        "deny",
        Change::Crate(&["cargo-deny", "--version", "0.20.2"], &[]),
        "checks licences, sources, versions and advisories of dependencies",
    ),
    (
        "machete",
        Change::Crate(&["cargo-machete", "--version", "0.9.2"], &[]),
        "finds dependencies that nobody uses",
    ),
];
const FUZZ: Change = Change::Crate(&["cargo-fuzz", "--version", "0.13.2"], &[]);

/// The directory of programs whose packages were unpacked and not installed.
pub(crate) fn unpacked() -> Result<PathBuf> {
    Ok(cargo::target_dir()?.join("tools/prometheus/usr/bin"))
}

/// Provides the programs for test machines.
pub(crate) fn for_machines() -> Result<()> {
    let steps = packages(TEST_TOOLS.into_iter().chain(MACHINE_TOOLS));
    ensure!(
        apt::is_there() || steps.is_empty(),
        "test machines are made of Debian's packages: there is no apt"
    );
    step::take(&steps, Consent::default())
}

/// Provides the programs that the benchmark calls. The benchmark itself reports the ones that are still
/// missing.
pub(crate) fn for_bench() -> Result<()> {
    let steps = if apt::is_there() { packages(BENCH_TOOLS) } else { Vec::new() };
    step::take(&steps, Consent::default())
}

/// Provides cargo-fuzz and the compiler for libFuzzer.
pub(crate) fn for_fuzzing() -> Result<()> {
    let mut steps = if apt::is_there() { packages(FUZZ_TOOLS) } else { Vec::new() };
    if !command::succeeds(cargo::cargo()?.args(["fuzz", "--version"])) {
        steps.push(Step { change: FUZZ, why: "builds the fuzz targets" });
    }
    step::take(&steps, Consent::default())
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
        steps.push(Step { change: Change::Unpack(package, tools.join(package)), why });
    }
    if !has_mail {
        // They are not installed either; the tests run them in a private root.
        let packages = mail::PACKAGES.map(|(package, _)| package).to_vec();
        let change = Change::UnpackWhole(packages, tools.join("mail"));
        steps.push(Step { change, why: "a mail server, to test how it treats tags" });
    }
    steps
}

/// Provides rustfmt, clippy for the host and for the kernel program's `compiler`, the compiler for libFuzzer,
/// cargo-deny and cargo-machete.
pub(crate) fn for_lints(compiler: &toolchain::Compiler) -> Result<()> {
    let mut steps = if apt::is_there() { packages(FUZZ_TOOLS) } else { Vec::new() };
    let here = |subcommand: &str| {
        Ok::<_, anyhow::Error>(command::succeeds(cargo::cargo()?.args([subcommand, "--version"])))
    };
    let rustup = toolchain::find("rustup").is_some();
    for (subcommand, package) in [("fmt", "rustfmt-web"), ("clippy", "rust-web-clippy")] {
        if !here(subcommand)? {
            let component = if subcommand == "fmt" { "rustfmt" } else { subcommand };
            let change =
                if rustup { add_component(component, None) } else { Change::Packages(vec![package]) };
            steps.push(Step { change, why: "checks the host's code" });
        }
    }
    let clippy = |step: &Step| step.change == Change::Packages(vec!["rust-web-clippy"]);
    if !command::succeeds(kernel_cargo(compiler)?.args(["clippy", "--version"])) && !steps.iter().any(clippy)
    {
        let of_debian = compiler.name.as_deref().is_none_or(|name| name == toolchain::LINKED);
        let change = if of_debian {
            Change::Packages(vec!["rust-web-clippy"])
        } else {
            add_component("clippy", compiler.name.as_deref())
        };
        steps.push(Step { change, why: "checks the kernel program's code" });
    }
    for (subcommand, change, why) in LINT_CRATES {
        if !here(subcommand)? {
            steps.push(Step { change, why });
        }
    }
    step::take(&steps, Consent::default())
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

fn add_component(component: &str, toolchain: Option<&str>) -> Change {
    let mut args = vec!["component".to_owned(), "add".to_owned(), component.to_owned()];
    args.extend(toolchain.into_iter().flat_map(|name| ["--toolchain".to_owned(), name.to_owned()]));
    Change::Rustup(args)
}

/// The missing ones among these tools.
fn missing(tools: impl IntoIterator<Item = Tool>) -> impl Iterator<Item = Tool> {
    tools.into_iter().filter(|(program, ..)| !is_there(program))
}

/// The steps that install the packages of the missing tools.
fn packages(tools: impl IntoIterator<Item = Tool>) -> Vec<Step> {
    missing(tools).map(|(_, package, why)| Step { change: Change::Packages(vec![package]), why }).collect()
}

fn is_there(program: &str) -> bool {
    cargo::path().is_ok_and(|path| on_path(program, &path).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_everything_is_there_nothing_is_asked_of_the_network() {
        assert_eq!(test_steps(|_| true, true, Path::new("/t")), []);
        let shown = |is_there: fn(&str) -> bool, has_mail| -> Vec<String> {
            let steps = test_steps(is_there, has_mail, Path::new("/t"));
            steps.iter().map(|step| step.change.to_string()).collect()
        };
        assert_eq!(shown(|program| program != "nft", true), ["apt-get install nftables"]);
        let promtool = "apt-get download prometheus, unpacked into /t/prometheus, not installed";
        assert_eq!(shown(|program| program != "promtool", true), [promtool]);
        assert_eq!(shown(|_| false, false).len(), TEST_TOOLS.len() + 2);
    }
}
