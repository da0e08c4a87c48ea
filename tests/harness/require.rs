//! What a test needs of the machine. A test that cannot run here says so and what to do; where `CI=true` it fails.
//!
//! ```no_run
//! # use d365_tests::require;
//! #[test]
//! fn the_object_is_one_that_bpftool_reads() {
//!     require!(Root, Tool("bpftool"), Daemon);
//!     // …
//! }
//! ```

use std::{
    fmt,
    io::Write as _,
    path::{Path, PathBuf},
};

use crate::{daemon, mail};

/// Something that is not there on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// The test runs as root: network namespaces, BPF.
    Root,
    /// A program on the PATH, by name.
    Tool(&'static str),
    /// The real documents beside the repository.
    SharedData,
    /// The daemon's binary.
    Daemon,
    /// The kernel's own type information.
    KernelBtf,
    /// The mail server's programs, unpacked.
    MailPrograms,
    /// A root of its own can be laid over this machine's.
    Overlay,
}

impl Requirement {
    /// Whether it is there.
    pub fn is_met(self) -> bool {
        match self {
            Self::Root => nix::unistd::geteuid().is_root(),
            Self::Tool(name) => on_path(name),
            Self::SharedData => shared_data().is_dir(),
            Self::Daemon => daemon::binary().is_some(),
            Self::KernelBtf => Path::new("/sys/kernel/btf/vmlinux").is_file(),
            Self::MailPrograms => mail::programs().is_some(),
            Self::Overlay => mail::overlay_works(),
        }
    }
}

/// What is missing, and how to get it.
impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("root (sudo -E cargo xtask test)"),
            Self::Tool(name) => write!(f, "the program {name} (package {})", package(name)),
            Self::SharedData => write!(f, "the shared documents at {}", shared_data().display()),
            Self::Daemon => {
                f.write_str("the daemon's binary (cargo build -p d365-user, or set D365_USER_BIN)")
            }
            Self::KernelBtf => f.write_str("/sys/kernel/btf/vmlinux (a kernel with CONFIG_DEBUG_INFO_BTF)"),
            Self::MailPrograms => f.write_str(
                "Postfix, Rspamd and swaks in target/tools/mail (cargo xtask test unpacks them; or set D365_MAIL_PROGRAMS)",
            ),
            Self::Overlay => f.write_str("an overlay over / (a kernel with CONFIG_OVERLAY_FS, and a / that it takes)"),
        }
    }
}

/// Debian's package of a program.
fn package(program: &str) -> &str {
    match program {
        "ip" | "tc" | "ss" => "iproute2",
        "nft" => "nftables",
        "promtool" => "prometheus",
        "xdp-loader" | "xdp-filter" => "xdp-tools",
        other => other,
    }
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

/// The directory of real documents: `shared/data` beside the workspace.
pub fn shared_data() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the workspace");
    workspace.join("../shared/data")
}

/// Whether all are met; otherwise says which is not. For [`require!`](crate::require!).
///
/// # Panics
/// With what is missing, where the environment says `CI=true`.
pub fn all_met(requirements: &[Requirement]) -> bool {
    let Some(missing) = requirements.iter().find(|requirement| !requirement.is_met()) else { return true };
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{test} needs {missing}");
    // Past the capture of libtest, which hides what a passing test prints.
    let _ = writeln!(std::io::stderr(), "not run: {test} needs {missing}");
    false
}

/// What a test returns when it could not run.
pub trait NotRun {
    /// As if it had passed; that it has not run was said.
    fn not_run() -> Self;
}

impl NotRun for () {
    fn not_run() -> Self {}
}

impl<E> NotRun for Result<(), E> {
    fn not_run() -> Self {
        Ok(())
    }
}

/// Ends the test here unless all these [`Requirement`]s are met: with a line on standard error, or, where the
/// environment says `CI=true`, by failing.
#[macro_export]
macro_rules! require {
    ($($requirement:expr),+ $(,)?) => {{
        use $crate::require::Requirement::*;
        if !$crate::require::all_met(&[$($requirement),+]) {
            return $crate::require::NotRun::not_run();
        }
    }};
}

#[cfg(test)]
mod tests {
    use super::{Requirement, all_met};

    #[test]
    fn a_missing_program_names_itself_and_its_package() {
        let missing = Requirement::Tool("no-such-program");
        assert!(!missing.is_met());
        assert_eq!(missing.to_string(), "the program no-such-program (package no-such-program)");
        assert!(Requirement::Tool("xdp-loader").to_string().contains("xdp-tools"));
    }

    #[test]
    fn what_is_there_lets_the_test_go_on() {
        assert!(all_met(&[Requirement::Tool("sh")]));
        fn either() -> Result<(), ()> {
            require!(Tool("sh"));
            Err(())
        }
        assert!(either().is_err());
    }
}
