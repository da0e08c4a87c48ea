//! `cargo xtask setup`: finds what the kernel program's build lacks on this machine, and installs it.
//!
//! It gathers facts, makes a plan from them (pure), and carries out the plan.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};

use crate::{
    apt,
    step::{self, Change, Consent},
    toolchain::{self, Compiler, Missing},
};

pub(crate) type Options = Consent;

/// The LLVM of Debian 12's security suite: its compiler has it, and `bpf-linker` is built against it.
const DEBIAN_LLVM: u32 = 22;
/// Debian's compiler for the BPF target.
pub(crate) const COMPILER: &[&str] = &["rustc-web", "cargo-web", "rust-web-src"];
/// Packages that `bpf-linker` is built against and with.
const LINKER_NEEDS: &[&str] = &["llvm-22-dev", "libpolly-22-dev"];
/// The build of `bpf-linker`. It uses features that stable compilers accept only with `RUSTC_BOOTSTRAP`.
const LINKER: Change = Change::Crate(
    &["bpf-linker", "--version", "0.13.0", "--force", "--no-default-features", "--features", "llvm-22"],
    &[("RUSTC_BOOTSTRAP", "1"), ("LLVM_PREFIX", "/usr/lib/llvm-22")],
);

/// Facts about this machine.
#[derive(Clone, Debug, Default)]
struct Facts {
    /// The facts that the build script uses.
    toolchain: toolchain::Facts,
    /// True on Debian 12, whose packages we know.
    debian_12: bool,
    /// The compiler in `/usr` with its `rust-src`, known to rustup or not.
    usr: Option<Compiler>,
}

/// Makes sure that the kernel program can be built here. Prints nothing if it can.
pub(crate) fn ensure(options: Options) -> Result<()> {
    let facts = toolchain::Facts::gather();
    if facts.choose().is_ok() {
        return Ok(());
    }
    let debian_12 =
        is_debian_12(&fs::read_to_string("/etc/os-release").unwrap_or_default()) && apt::is_there();
    let usr = toolchain::compiler_at(Path::new("/usr"), None);
    let changes = plan(&Facts { toolchain: facts, debian_12, usr })?;
    step::make(&changes, options)?;
    if options.dry_run {
        return Ok(());
    }
    let facts = toolchain::Facts::gather();
    facts
        .choose()
        .map(drop)
        .map_err(|missing| by_hand(&missing))
        .context("set-up ran, but the kernel program still cannot be built here")
}

/// The changes from these facts to a machine that can build the kernel program.
fn plan(facts: &Facts) -> Result<Vec<Change>> {
    let Err(missing) = facts.toolchain.choose() else { return Ok(Vec::new()) };
    let mut changes = Vec::new();
    if !facts.debian_12 {
        if missing != Missing::Compiler || !facts.toolchain.rustup || facts.toolchain.linker.is_none() {
            return Err(by_hand(&missing));
        }
        let args = ["toolchain", "install", "nightly", "--profile", "minimal", "--component", "rust-src"];
        return Ok(vec![Change::Rustup(args.map(str::to_owned).into())]);
    }
    if facts.toolchain.compiler(Some(DEBIAN_LLVM)).is_err() {
        if facts.usr.as_ref().is_none_or(|usr| !usr.is_new_enough()) {
            changes.push(Change::Packages(COMPILER.into()));
        }
        if facts.toolchain.rustup {
            // The build calls Debian's compiler by a name of rustup's.
            let args = ["toolchain", "link", toolchain::LINKED, "/usr"];
            changes.push(Change::Rustup(args.map(str::to_owned).into()));
        }
    }
    let too_old = |linker: &toolchain::Linker| linker.llvm.is_some_and(|llvm| llvm < DEBIAN_LLVM);
    if facts.toolchain.linker.as_ref().is_none_or(too_old) {
        changes.extend([Change::Packages(LINKER_NEEDS.into()), LINKER]);
    }
    Ok(changes)
}

/// The advice for a machine that we cannot set up.
fn by_hand(missing: &Missing) -> anyhow::Error {
    anyhow::anyhow!(
        "{missing}
on Debian 12 `cargo xtask setup` installs what is missing; elsewhere please install
  - rustup (https://rustup.rs), and with it: rustup toolchain install nightly --component rust-src
  - bpf-linker 0.13.0, on the PATH, with an LLVM not older than that nightly's (`rustc +nightly -vV` says which):
    a released binary from https://github.com/aya-rs/bpf-linker/releases, or
    LLVM_PREFIX=… cargo install bpf-linker --version 0.13.0 --locked --no-default-features --features llvm-NN"
    )
}

/// Returns true if `/etc/os-release` describes Debian 12.
fn is_debian_12(os_release: &str) -> bool {
    let has = |wanted: &str| os_release.lines().any(|line| line.replace('"', "") == wanted);
    has("ID=debian") && has("VERSION_ID=12")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolchain::Linker;

    fn fresh_debian() -> Facts {
        Facts { debian_12: true, ..Facts::default() }
    }

    fn debian_compiler(name: Option<&str>) -> Compiler {
        Compiler { name: name.map(str::to_owned), release: (1, 96), nightly: false, llvm: 22 }
    }

    fn linker(llvm: u32) -> Option<Linker> {
        Some(Linker { path: "/root/.cargo/bin/bpf-linker".into(), llvm: Some(llvm) })
    }

    fn shown(facts: &Facts) -> Vec<String> {
        plan(facts).unwrap().iter().map(ToString::to_string).collect()
    }

    const BUILD_LINKER: &str = "RUSTC_BOOTSTRAP=1 LLVM_PREFIX=/usr/lib/llvm-22 cargo install --locked bpf-linker \
                                --version 0.13.0 --force --no-default-features --features llvm-22";

    #[test]
    fn a_fresh_debian_gets_everything() {
        let mut facts = fresh_debian();
        let compiler = "apt-get install rustc-web cargo-web rust-web-src";
        let needs = "apt-get install llvm-22-dev libpolly-22-dev";
        assert_eq!(shown(&facts), [compiler, needs, BUILD_LINKER]);
        facts.toolchain.rustup = true;
        assert_eq!(shown(&facts), [compiler, "rustup toolchain link d365-bpf /usr", needs, BUILD_LINKER]);
    }

    #[test]
    fn only_what_is_missing_is_done() {
        let mut facts = fresh_debian();
        facts.toolchain.rustup = true;
        facts.toolchain.linker = linker(22);
        facts.usr = Some(debian_compiler(None));
        assert_eq!(shown(&facts), ["rustup toolchain link d365-bpf /usr"]);
        facts.toolchain.compilers.push(debian_compiler(Some(toolchain::LINKED)));
        assert!(shown(&facts).is_empty());
        facts.toolchain.linker = linker(19);
        assert_eq!(shown(&facts).last().map(String::as_str), Some(BUILD_LINKER), "too old a linker");
    }

    #[test]
    fn a_nightly_that_debians_llvm_can_link_is_enough() {
        let mut facts = fresh_debian();
        facts.toolchain.rustup = true;
        let nightly = Compiler { release: (1, 97), nightly: true, ..debian_compiler(Some("nightly")) };
        facts.toolchain.compilers.push(nightly);
        assert_eq!(shown(&facts), ["apt-get install llvm-22-dev libpolly-22-dev", BUILD_LINKER]);
        facts.toolchain.compilers[0].llvm = 23;
        assert_eq!(shown(&facts)[0], "apt-get install rustc-web cargo-web rust-web-src");
    }

    #[test]
    fn elsewhere_rustup_brings_the_compiler_and_the_rest_is_by_hand() {
        let mut facts = Facts::default();
        let advice = plan(&facts).unwrap_err().to_string();
        assert!(
            advice.contains("rustup toolchain install nightly") && advice.contains("bpf-linker 0.13.0"),
            "{advice}"
        );
        facts.toolchain.rustup = true;
        facts.toolchain.linker = linker(23);
        assert_eq!(
            shown(&facts),
            ["rustup toolchain install nightly --profile minimal --component rust-src"]
        );
    }

    #[test]
    fn knows_debian_12() {
        assert!(is_debian_12("NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nID=debian\n"));
        assert!(!is_debian_12("VERSION_ID=\"13\"\nID=debian\n"));
        assert!(!is_debian_12("ID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"12\"\n"));
    }
}
