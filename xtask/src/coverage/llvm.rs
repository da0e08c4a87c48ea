//! The programs that read the counts of instrumented binaries: those of the LLVM that the compiler is made
//! with.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    apt, cargo, command,
    step::{self, Change, Consent, Step},
    toolchain,
};

/// Paths of the programs.
pub(super) struct Llvm {
    /// Adds up counts.
    pub(super) profdata: PathBuf,
    /// Maps counts to lines.
    pub(super) cov: PathBuf,
}

/// Finds the programs: the compiler's own (rustup's component `llvm-tools`), or Debian's, which are installed
/// if they are missing.
pub(super) fn ensure() -> Result<Llvm> {
    let rustc = toolchain::find("rustc").context("there is no rustc on the PATH")?;
    let ask = |argument: &str| {
        command::stdout(Command::new(&rustc).current_dir(cargo::workspace()).args(argument.split(' ')))
    };
    let (sysroot, version) = (ask("--print sysroot")?, ask("-vV")?);
    let (host, llvm) = host_and_llvm(&version).context("`rustc -vV` names no host or no LLVM")?;
    let own = Path::new(sysroot.trim_end()).join("lib/rustlib").join(host).join("bin");
    if let Some(llvm) = at(&own, "") {
        return Ok(llvm);
    }
    let (debians, suffix) = (Path::new("/usr/bin"), format!("-{llvm}"));
    if let Some(llvm) = at(debians, &suffix) {
        return Ok(llvm);
    }
    ensure!(
        apt::is_there() && llvm == DEBIANS,
        "lines are counted with llvm-profdata and llvm-cov of LLVM {llvm}: rustup component add llvm-tools"
    );
    let change = Change::Packages(vec!["llvm-22"]);
    step::take(&[Step { change, why: "counts the lines that tests run" }], Consent::default())?;
    at(debians, &suffix).context("llvm-22 is installed, and its programs are not in /usr/bin")
}

/// The LLVM that Debian 12 packages for the compilers of this workspace.
const DEBIANS: &str = "22";

fn at(dir: &Path, suffix: &str) -> Option<Llvm> {
    let program = |name: &str| Some(dir.join(format!("{name}{suffix}"))).filter(|path| path.is_file());
    Some(Llvm { profdata: program("llvm-profdata")?, cov: program("llvm-cov")? })
}

/// The host's triple and LLVM's major version, from `rustc -vV`.
fn host_and_llvm(version: &str) -> Option<(&str, &str)> {
    let field = |key: &str| version.lines().find_map(|line| line.strip_prefix(key));
    Some((field("host: ")?, field("LLVM version: ")?.split('.').next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compilers_llvm_is_known() {
        let version =
            "rustc 1.95.0 (59807616e 2026-04-14)\nhost: x86_64-unknown-linux-gnu\nLLVM version: 22.1.2\n";
        assert_eq!(host_and_llvm(version), Some(("x86_64-unknown-linux-gnu", "22")));
        assert_eq!(host_and_llvm("rustc 1.95.0\n"), None);
    }
}
