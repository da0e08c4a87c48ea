//! Changes that set-up can make to a machine. Every change is one of these. It is shown first, and the user
//! can refuse it.

use std::{
    fmt,
    io::{self, IsTerminal as _, Write as _},
    path::PathBuf,
};

use anyhow::{Context as _, Result, ensure};

use crate::{apt, cargo, command, toolchain};

/// A change to the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Install these Debian packages.
    Packages(Vec<&'static str>),
    /// Unpack Debian packages and their dependencies into one tree without installing them.
    Unpack(Vec<&'static str>, PathBuf),
    /// Build programs from crates.io, with these arguments and variables.
    Crate(&'static [&'static str], &'static [(&'static str, &'static str)]),
    /// Call rustup.
    Rustup(Vec<String>),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::Args)]
pub(crate) struct Consent {
    /// Do not ask before installing
    #[arg(long)]
    pub(crate) yes: bool,
    /// Show what would be installed, and install nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Shows `changes`, asks the user if there is a terminal, and makes them. Without changes it prints nothing.
pub(crate) fn make(changes: &[Change], consent: Consent) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    eprintln!("xtask: this machine lacks something; to be done:");
    changes.iter().for_each(|change| eprintln!("  {change}"));
    if consent.dry_run {
        return Ok(());
    }
    if !consent.yes && io::stdin().is_terminal() {
        eprint!("Go on? [Y/n] ");
        io::stderr().flush()?;
        ensure!(agreed(&mut io::stdin().lock())?, "nothing was installed, as you wished");
    }
    changes.iter().try_for_each(|change| {
        eprintln!("xtask: {change}");
        change.carry_out().with_context(|| format!("could not {change}"))
    })
}

/// Returns true if the answer agrees. The end of input does not agree.
fn agreed(answer: &mut dyn io::BufRead) -> Result<bool> {
    let mut line = String::new();
    let read = answer.read_line(&mut line)?;
    Ok(read > 0 && matches!(line.trim().to_ascii_lowercase().as_str(), "" | "y" | "yes"))
}

impl Change {
    fn carry_out(&self) -> Result<()> {
        match self {
            Self::Packages(packages) => apt::install(packages),
            Self::Unpack(packages, into) => apt::unpack(packages, into),
            Self::Crate(args, variables) => {
                let mut install = cargo::cargo()?;
                // Its build is discarded, so it does not belong in our target directory.
                install.env_remove("CARGO_TARGET_DIR").envs(variables.iter().copied());
                command::run(install.args(["install", "--quiet", "--locked"]).args(*args))
            }
            Self::Rustup(args) => {
                let rustup = toolchain::find("rustup").context("there is no rustup any more")?;
                command::run(std::process::Command::new(rustup).args(args))
            }
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Packages(packages) => write!(f, "apt-get install {}", packages.join(" ")),
            Self::Unpack(packages, into) => {
                let (packages, into) = (packages.join(" "), into.display());
                write!(
                    f,
                    "apt-get download {packages} with dependencies, unpacked into {into}, not installed"
                )
            }
            Self::Crate(args, variables) => {
                variables.iter().try_for_each(|(name, value)| write!(f, "{name}={value} "))?;
                write!(f, "cargo install --locked {}", args.join(" "))
            }
            Self::Rustup(args) => write!(f, "rustup {}", args.join(" ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_and_enter_agree() {
        for (typed, expected) in
            [("\n", true), ("Y\n", true), ("yes\n", true), ("n\n", false), ("what?\n", false), ("", false)]
        {
            assert_eq!(agreed(&mut typed.as_bytes()).unwrap(), expected, "{typed:?}");
        }
    }

    #[test]
    fn a_change_is_shown_as_one_would_type_it() {
        let change =
            Change::Crate(&["bpf-linker", "--version", "0.13.0"], &[("LLVM_PREFIX", "/usr/lib/llvm-22")]);
        let shown = "LLVM_PREFIX=/usr/lib/llvm-22 cargo install --locked bpf-linker --version 0.13.0";
        assert_eq!(change.to_string(), shown);
    }
}
