//! The facts about the whole machine: kernel, BPF, privileges.

use std::{fs, io, path::Path};

use aya::util::KernelVersion;

use super::{
    fact::{Fact, Unknown},
    programs,
};
use crate::kernel::requirements::{self, RequirementError};

/// The facts that concern every interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The kernel's version, and its release string.
    pub kernel: Fact<(KernelVersion, String)>,
    /// The first required BPF feature that is missing, as a sentence; `None` if all are present.
    pub missing_feature: Fact<Option<String>>,
    /// True if the kernel has its own type information (BTF).
    pub has_btf: bool,
    /// `net.core.bpf_jit_enable`; or 1 if that cannot be read and a loaded program is compiled.
    pub jit: Fact<u64>,
    /// `net.core.bpf_jit_harden`.
    pub jit_harden: Fact<u64>,
    /// Bytes that this process may lock; `None` if there is no limit or the loader can lift it.
    pub memlock: Fact<Option<u64>>,
    /// True if this process runs as root.
    pub is_root: bool,
    /// The required capabilities that this process lacks.
    pub missing_capabilities: Fact<Vec<&'static str>>,
    /// True if `net.ipv4.tcp_fwmark_accept` is on in this network namespace.
    pub fwmark_accept: Fact<bool>,
}

/// Surveys the machine.
#[must_use]
pub fn machine() -> Machine {
    Machine {
        kernel: kernel(),
        missing_feature: missing_feature(),
        has_btf: requirements::has_btf(),
        jit: core_parameter("bpf_jit_enable")
            .or_else(|unknown| if programs::is_any_compiled() { Ok(1) } else { Err(unknown) }),
        jit_harden: core_parameter("bpf_jit_harden"),
        memlock: memlock(),
        is_root: nix::unistd::geteuid().is_root(),
        missing_capabilities: match requirements::check() {
            Ok(()) => Ok(Vec::new()),
            Err(RequirementError::Capabilities { missing }) => Ok(missing),
            Err(error) => Err(Unknown::Failed(error.to_string())),
        },
        fwmark_accept: parameter("net/ipv4/tcp_fwmark_accept").map(|value| value != 0).map_err(Unknown::from),
    }
}

fn kernel() -> Fact<(KernelVersion, String)> {
    let version = KernelVersion::current().map_err(|error| Unknown::Failed(error.to_string()))?;
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned();
    Ok((version, release))
}

fn missing_feature() -> Fact<Option<String>> {
    match requirements::missing_feature() {
        None => Ok(None),
        Some(RequirementError::Refused { feature, source }) => {
            Err(Unknown::Refused(format!("{feature}: {source}")))
        }
        Some(error) => Ok(Some(error.to_string())),
    }
}

fn memlock() -> Fact<Option<u64>> {
    requirements::memlock().map_err(|error| Unknown::Failed(error.to_string()))
}

/// Reads a kernel parameter by its path below `/proc/sys`.
fn parameter(path: &str) -> io::Result<u64> {
    let text = fs::read_to_string(Path::new("/proc/sys").join(path))?;
    text.trim()
        .parse()
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, format!("{path} reads {text:?}")))
}

/// Reads a parameter that the kernel shows only in its first network namespace.
fn core_parameter(name: &str) -> Fact<u64> {
    parameter(&format!("net/core/{name}")).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Unknown::Failed(
            "only the first network namespace shows it: nsenter --net=/proc/1/ns/net d365-user doctor"
                .to_owned(),
        ),
        _ => error.into(),
    })
}
