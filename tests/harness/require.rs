//! Requirements of a test on the machine. A test that cannot run prints the missing requirement and its
//! remedy. With `CI=true` it fails.
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
    env,
    ffi::OsStr,
    fmt,
    io::Write as _,
    path::{Path, PathBuf},
};

use crate::{cgroup, daemon, mail, netns::Netns, purpose, systemd};

/// Something that is not available on every machine. `cargo xtask vm-test` reads the message about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// The test runs as root: network namespaces, BPF.
    Root,
    /// A program on the PATH, by name.
    Tool(&'static str),
    /// The daemon's binary.
    Daemon,
    /// The kernel's own type information (BTF).
    KernelBtf,
    /// The unpacked programs of the mail server.
    MailPrograms,
    /// The unpacked programs that read an exported list.
    FilterPrograms,
    /// Overlays: a private root can have this machine's programs below others.
    Overlay,
    /// File systems that the test itself serves.
    Fuse,
    /// Control groups that limit memory.
    MemoryGroup,
    /// Devices of this kind (`ip link add type`), with the options that it needs. A kernel that is built
    /// without them is never a failure.
    Link(&'static str),
    /// Tun and tap devices.
    Tun,
    /// systemd as the first process of a machine that was made for the tests. Tests change its units.
    Systemd,
    /// A network card and a far end, in a machine that was made for the tests. Tests reload its driver.
    Nic,
    /// A kernel of at least this version, and the feature that came with it. An older kernel is never a
    /// failure.
    Kernel(u32, u32, &'static str),
}

impl Requirement {
    /// Returns true if the requirement is met.
    pub fn is_met(self) -> bool {
        match self {
            Self::Root => nix::unistd::geteuid().is_root(),
            Self::Tool(name) => on_path(name, &env::var_os("PATH").unwrap_or_default()).is_some(),
            Self::Daemon => daemon::binary().is_some(),
            Self::KernelBtf => Path::new("/sys/kernel/btf/vmlinux").is_file(),
            Self::MailPrograms => mail::MAIL.tree().is_some(),
            Self::FilterPrograms => mail::FILTERS.tree().is_some(),
            Self::Overlay => mail::overlay_works(),
            Self::Fuse => Path::new("/dev/fuse").exists(),
            Self::MemoryGroup => cgroup::limits_memory(),
            Self::Link(kind) => has_links(kind),
            Self::Tun => Path::new("/dev/net/tun").exists(),
            Self::Systemd => systemd::is_ours(),
            Self::Nic => purpose::is("nic"),
            Self::Kernel(major, minor, _) => kernel() >= (major, minor),
        }
    }

    /// Returns true if a run may lack it even in CI: the kernel is too old for it, the maker of the machine
    /// lists it in `D365_WITHOUT` (names separated by commas), or this is no machine with systemd or a
    /// network card for tests.
    fn may_lack(self) -> bool {
        let name = match self {
            Self::Kernel(..) | Self::Link(_) => return true,
            Self::Tool(name) => name,
            Self::MailPrograms => "mail-programs",
            Self::FilterPrograms => "filter-programs",
            Self::Overlay => "overlay",
            Self::MemoryGroup => "memory-group",
            Self::Systemd => return !systemd::is_promised(),
            Self::Nic => return !purpose::is("nic"),
            Self::Root | Self::Daemon | Self::KernelBtf | Self::Fuse | Self::Tun => return false,
        };
        let without = env::var("D365_WITHOUT").unwrap_or_default();
        without.split(',').any(|lacking| lacking == name)
    }
}

/// Shows the missing requirement, and the way to get it.
impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("root (sudo -E cargo xtask test)"),
            Self::Tool(name) => write!(f, "the program {name} (package {})", package(name)),
            Self::Daemon => {
                f.write_str("the daemon's binary (cargo build -p d365-user, or set D365_USER_BIN)")
            }
            Self::KernelBtf => f.write_str("/sys/kernel/btf/vmlinux (a kernel with CONFIG_DEBUG_INFO_BTF)"),
            Self::MailPrograms => f.write_str(
                "Postfix, Rspamd, Postgrey, Redis and swaks in target/tools/mail (cargo xtask test unpacks them; \
                 or set D365_MAIL_PROGRAMS)",
            ),
            Self::FilterPrograms => f.write_str(
                "SpamAssassin, Exim, HAProxy, named-checkconf, ipset and others in target/tools/filters (cargo xtask \
                 test unpacks them; or set D365_FILTER_PROGRAMS)",
            ),
            Self::Fuse => f.write_str("/dev/fuse (modprobe fuse)"),
            Self::MemoryGroup => f.write_str(
                "control groups that limit memory (a kernel with CONFIG_MEMCG, and /sys/fs/cgroup mounted writable)",
            ),
            Self::Link(kind) => write!(f, "network devices of the kind {kind} (modprobe {kind})"),
            Self::Tun => f.write_str("/dev/net/tun (modprobe tun)"),
            Self::Systemd => f.write_str("a machine of its own with systemd (cargo xtask vm-test --systemd)"),
            Self::Nic => f.write_str("a machine of its own with network cards (cargo xtask vm-test --nic)"),
            Self::Overlay => f.write_str("an overlay over /usr/bin (a kernel with CONFIG_OVERLAY_FS, and a /usr that it takes)"),
            Self::Kernel(major, minor, feature) => write!(f, "Linux {major}.{minor} ({feature})"),
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
        "mkfs.ext4" => "e2fsprogs",
        "fsfreeze" => "util-linux",
        other => other,
    }
}

/// The first file of this name in the directories of `path`, a list like `$PATH`.
pub fn on_path(program: &str, path: &OsStr) -> Option<PathBuf> {
    env::split_paths(path).map(|directory| directory.join(program)).find(|path| path.is_file())
}

/// Returns true if the kernel makes devices of this kind, on another device if they need one. It tries in a
/// namespace that is gone afterwards.
fn has_links(kind: &str) -> bool {
    let kind: Vec<&str> = kind.split(' ').collect();
    Netns::new().is_ok_and(|netns| {
        let add =
            |on: &[&str], kind: &[&str]| netns.ip(&[&["link", "add"], on, &["type"], kind].concat()).is_ok();
        add(&["probe0"], &kind)
            || add(&["carrier0"], &["veth"]) && add(&["link", "carrier0", "name", "probe0"], &kind)
    })
}

/// Major and minor version of the running kernel.
fn kernel() -> (u32, u32) {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("/proc is mounted");
    version(&release).unwrap_or_else(|| panic!("{release:?} is no kernel's release"))
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// Returns true if all requirements are met; otherwise prints the first one that is not. For
/// [`require!`](crate::require!).
///
/// # Panics
/// If the environment has `CI=true`, and this run may not lack the missing requirement.
pub fn all_met(requirements: &[Requirement]) -> bool {
    let Some(missing) = requirements.iter().find(|requirement| !requirement.is_met()) else { return true };
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let forgiven = env::var("CI").as_deref() != Ok("true") || missing.may_lack();
    assert!(forgiven, "{test} needs {missing}");
    // Written past the capture of libtest, which hides the output of a passing test.
    let _ = writeln!(std::io::stderr(), "not run: {test} needs {missing}");
    false
}

/// The value that a test returns if it could not run.
pub trait NotRun {
    /// The same value as for a passed test. A message has already reported that the test did not run.
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

/// Ends the test here unless all these [`Requirement`]s are met. It prints a line on standard error, or fails
/// if the environment has `CI=true`.
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
    use super::{Requirement, all_met, version};

    #[test]
    fn a_missing_program_names_itself_and_its_package() {
        let missing = Requirement::Tool("no-such-program");
        assert!(!missing.is_met());
        assert_eq!(missing.to_string(), "the program no-such-program (package no-such-program)");
        assert!(Requirement::Tool("xdp-loader").to_string().contains("xdp-tools"));
    }

    #[test]
    fn kernels_are_compared_by_number() {
        assert_eq!(version("5.10.0-46-cloud-amd64\n"), Some((5, 10)));
        assert_eq!(version("6.6-rc1"), Some((6, 6)));
        assert_eq!(version("?"), None);
        assert!(Requirement::Kernel(5, 10, "what the daemon needs").is_met());
        let missing = Requirement::Kernel(1000, 0, "the future");
        assert!(!missing.is_met() && missing.may_lack());
        assert_eq!(missing.to_string(), "Linux 1000.0 (the future)");
    }

    #[test]
    fn a_met_requirement_lets_the_test_run() {
        assert!(all_met(&[Requirement::Tool("sh")]));
        fn either() -> Result<(), ()> {
            require!(Tool("sh"));
            Err(())
        }
        assert!(either().is_err());
    }
}
