//! The requirements of the daemon: capabilities, and a kernel with the map and program types that the object
//! uses. This module only reads, and names missing requirements.

use std::{io, path::Path};

use aya::{
    maps::MapType,
    programs::{ProgramError, ProgramType},
    sys,
};
use nix::{
    libc::{E2BIG, EACCES, EINVAL, ENOSYS, EOPNOTSUPP, EPERM},
    sys::{
        resource::{RLIM_INFINITY, Resource, getrlimit},
        statfs::{BPF_FS_MAGIC, statfs},
    },
};

use super::interrupted::{PATIENCE, again};

/// Capabilities by number (capability.h, capabilities(7)) that loading and attaching require.
const CAPABILITIES: [(u32, &str); 3] =
    [(CAP_NET_ADMIN, "CAP_NET_ADMIN"), (38, "CAP_PERFMON"), (39, "CAP_BPF")];
const CAP_NET_ADMIN: u32 = 12;
/// It includes `CAP_PERFMON` and `CAP_BPF`.
const CAP_SYS_ADMIN: u32 = 21;
const CAP_SYS_RESOURCE: u32 = 24;

/// A requirement is not met.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum RequirementError {
    #[error(
        "not privileged: {} missing; run as root, or grant CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN",
        missing.join(", ")
    )]
    Capabilities { missing: Vec<&'static str> },
    /// The process has the capabilities, but the kernel does not accept them.
    #[error(
        "not privileged: the kernel refuses {feature} although the capabilities are there ({source}): it wants them \
         in the initial user namespace (see `cat /proc/self/uid_map`), and no security module or seccomp \
         filter that forbids bpf(2)"
    )]
    Refused {
        /// The feature that the kernel refused.
        feature: &'static str,
        source: io::Error,
    },
    #[error("this kernel lacks {feature} (needs Linux {since} or later with CONFIG_BPF_SYSCALL): {source}")]
    Feature { feature: &'static str, since: &'static str, source: io::Error },
    #[error("cannot read the daemon's own entries below /proc/self: {0}; is /proc mounted?")]
    Proc(#[from] procfs::ProcError),
}

/// Checks the daemon's effective capabilities.
///
/// # Errors
/// [`RequirementError::Capabilities`] with the names of those that are missing; [`RequirementError::Proc`] if
/// they cannot be read.
pub fn check() -> Result<(), RequirementError> {
    let effective = procfs::process::Process::myself()?.status()?.capeff;
    let missing = missing(effective);
    if missing.is_empty() { Ok(()) } else { Err(RequirementError::Capabilities { missing }) }
}

fn missing(effective: u64) -> Vec<&'static str> {
    let has = |number: u32| effective & (1 << number) != 0;
    let granted = |number: u32| has(number) || (number != CAP_NET_ADMIN && has(CAP_SYS_ADMIN));
    CAPABILITIES.iter().filter(|(number, _)| !granted(*number)).map(|(_, name)| *name).collect()
}

/// Returns the first feature that the object needs and the kernel lacks or refuses, if there is one. Callers
/// use it to find the reason after the kernel refused something.
#[must_use]
pub(super) fn missing_feature() -> Option<RequirementError> {
    let maps = [
        (MapType::Array, "BPF array maps", "3.19"),
        (MapType::PerCpuArray, "BPF per-CPU array maps", "4.6"),
        (MapType::LpmTrie, "BPF LPM-trie maps", "4.11"),
        (MapType::ArrayOfMaps, "BPF arrays of maps", "4.12"),
        (MapType::RingBuf, "BPF ring buffers", "5.8"),
    ];
    for (map, feature, since) in maps {
        match sys::is_map_supported(map) {
            Ok(true) => {}
            Ok(false) => return Some(unsupported(feature, since)),
            Err(error) => return meaning(feature, since, error.io_error),
        }
    }
    let (feature, since) = ("XDP programs", "4.8");
    match again(PATIENCE, || sys::is_program_supported(ProgramType::Xdp)) {
        Ok(false) => Some(unsupported(feature, since)),
        Err(ProgramError::SyscallError(error)) => meaning(feature, since, error.io_error),
        _ => None,
    }
}

/// Returns the kernel's error for the smallest XDP program, if it rejects the program.
pub(super) fn program_error() -> Option<io::Error> {
    match again(PATIENCE, || sys::is_program_supported(ProgramType::Xdp)) {
        Err(ProgramError::SyscallError(error)) => Some(error.io_error),
        _ => None,
    }
}

/// Returns true if aya recorded a feature as missing that this kernel has. aya probes the kernel once per
/// process with small programs and treats every failure as a missing feature. This includes a load that a
/// signal interrupted in the verifier. Only a new process makes aya probe again.
///
/// Every kernel that the daemon can run on supports names and global data. If the kernel also rejects the
/// maps and programs that this function probes itself, the feature is really missing, and loading reports the
/// reason.
#[must_use]
pub fn are_features_misjudged() -> bool {
    let features = aya::features();
    let is_known = features.bpf_name() && features.bpf_global_data();
    let takes = |kind| matches!(again(PATIENCE, || sys::is_program_supported(kind)), Ok(true));
    !is_known
        && check().is_ok()
        && matches!(sys::is_map_supported(MapType::Array), Ok(true))
        && takes(ProgramType::Xdp)
        && takes(ProgramType::SchedClassifier)
}

/// Interprets the error of a feature probe. Returns `None` if the kernel could not answer (no memory, no
/// descriptors, a signal): the error then shows nothing about the feature.
fn meaning(feature: &'static str, since: &'static str, source: io::Error) -> Option<RequirementError> {
    match source.raw_os_error() {
        Some(EPERM | EACCES) => Some(RequirementError::Refused { feature, source }),
        Some(ENOSYS | EINVAL | E2BIG | EOPNOTSUPP) => {
            Some(RequirementError::Feature { feature, since, source })
        }
        _ => None,
    }
}

fn unsupported(feature: &'static str, since: &'static str) -> RequirementError {
    let source = io::Error::new(io::ErrorKind::Unsupported, "the kernel's own test refused it");
    RequirementError::Feature { feature, since, source }
}

/// Returns true if the path exists and is on a bpffs.
pub(super) fn is_bpffs(path: &Path) -> bool {
    statfs(path).is_ok_and(|fs| fs.filesystem_type() == BPF_FS_MAGIC)
}

/// The kernel's own type information (BTF).
pub const BTF: &str = "/sys/kernel/btf/vmlinux";

/// Returns true if the kernel has its own type information.
#[must_use]
pub fn has_btf() -> bool {
    Path::new(BTF).exists()
}

/// Returns the bytes that this process may lock; `None` if there is no limit or the loader can lift it.
/// Before Linux 5.11 maps count towards the limit.
pub(super) fn memlock() -> Result<Option<u64>, RequirementError> {
    if procfs::process::Process::myself()?.status()?.capeff & (1 << CAP_SYS_RESOURCE) != 0 {
        return Ok(None);
    }
    // If the limit cannot be read, it is taken as 0, the smallest.
    let (soft, hard) = getrlimit(Resource::RLIMIT_MEMLOCK).unwrap_or_default();
    Ok((hard != RLIM_INFINITY).then_some(soft))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_each_missing_capability() {
        assert_eq!(missing(0), ["CAP_NET_ADMIN", "CAP_PERFMON", "CAP_BPF"]);
        assert_eq!(missing(1 << 12 | 1 << 38), ["CAP_BPF"]);
        assert_eq!(missing(1 << CAP_SYS_ADMIN), ["CAP_NET_ADMIN"]);
        assert!(missing(1 << CAP_SYS_ADMIN | 1 << 12).is_empty());
        assert!(missing(u64::MAX).is_empty());
    }

    #[test]
    fn only_some_errors_tell_of_a_feature() {
        use nix::libc::{EAGAIN, EMFILE, ENFILE, ENOMEM};
        let meaning = |code| meaning("maps", "3.19", io::Error::from_raw_os_error(code));
        assert!(matches!(meaning(EPERM), Some(RequirementError::Refused { .. })));
        assert!(matches!(meaning(ENOSYS), Some(RequirementError::Feature { .. })));
        for code in [EAGAIN, EMFILE, ENFILE, ENOMEM] {
            assert!(meaning(code).is_none(), "{code}");
        }
    }
}
