//! The checks of kernel, BPF, privileges, environment and clock.

use super::super::finding::{Check, Finding, Judged, error, ok, warning};
use crate::{
    cli::environment::UnknownVariable,
    command::doctor::facts::Clock,
    gate::Timestamp,
    kernel::survey::{Fact, KernelVersion, Machine},
};

/// The oldest kernel that loads the program.
const OLDEST: KernelVersion = KernelVersion::new(5, 10, 0);
/// From this version on, maps count towards the memory of a control group, not towards locked memory.
const WITHOUT_MEMLOCK: KernelVersion = KernelVersion::new(5, 11, 0);
/// Nobody runs a release for this long; a clock beyond it is wrong.
const LONGEST: u64 = 20 * 366 * 86_400;

pub(super) fn judge(machine: &Machine) -> Vec<Finding> {
    Finding::all([
        (Check::Kernel, kernel(machine)),
        (Check::Bpf, bpf(machine)),
        (Check::Btf, btf(machine)),
        (Check::Jit, jit(&machine.jit)),
        (Check::JitHarden, harden(&machine.jit_harden)),
        (Check::Memlock, memlock(machine)),
        (Check::Capabilities, capabilities(machine)),
        (Check::FwmarkAccept, fwmark_accept(&machine.fwmark_accept)),
    ])
}

fn kernel(machine: &Machine) -> Judged<'_> {
    let (version, release) = machine.kernel.as_ref()?;
    if *version < OLDEST {
        return error(format!("Linux {release} is too old"), "run Linux 5.10 or later");
    }
    ok(format!("Linux {release}"))
}

fn bpf(machine: &Machine) -> Judged<'_> {
    let may = machine.missing_capabilities.as_ref().is_ok_and(Vec::is_empty);
    match &machine.missing_feature {
        Ok(None) => ok("the kernel takes every kind of map and program that is needed"),
        Ok(Some(missing)) => error(missing, "run a kernel that has it"),
        Err(refused) if may => error(
            refused.to_string(),
            "the capabilities are there and do not count: the kernel wants them in the initial user namespace, \
             and no security module or seccomp filter that forbids bpf(2)",
        ),
        Err(unknown) => Err(unknown),
    }
}

fn btf(machine: &Machine) -> Judged<'_> {
    if machine.has_btf {
        return ok("/sys/kernel/btf/vmlinux is there");
    }
    let advice = "the daemon does not need it; a kernel with CONFIG_DEBUG_INFO_BTF lets bpftool show more";
    warning("/sys/kernel/btf/vmlinux is missing", advice)
}

fn jit(enabled: &Fact<u64>) -> Judged<'_> {
    let advice = "sysctl -w net.core.bpf_jit_enable=1";
    match enabled.as_ref()? {
        0 => warning("off: programs are interpreted, which is slow", advice),
        2 => warning("on, and every program is written to the kernel's log", advice),
        _ => ok("on"),
    }
}

fn harden(hardened: &Fact<u64>) -> Judged<'_> {
    match hardened.as_ref()? {
        0 => ok("off"),
        1 => ok("for unprivileged programs only"),
        _ => warning(
            "for all programs: every packet costs more",
            "sysctl -w net.core.bpf_jit_harden=1, unless your policy asks for 2",
        ),
    }
}

fn memlock(machine: &Machine) -> Judged<'_> {
    if machine.kernel.as_ref().is_ok_and(|(version, _)| *version >= WITHOUT_MEMLOCK) {
        return ok("does not limit maps on this kernel");
    }
    match machine.memlock.as_ref()? {
        None => ok("no limit"),
        Some(limit) => warning(
            format!("{limit} bytes may be locked, and before Linux 5.11 maps count towards them"),
            "grant CAP_SYS_RESOURCE, or set LimitMEMLOCK=infinity",
        ),
    }
}

/// Missing capabilities are an error for root only: another user may check for a daemon that runs as root.
fn capabilities(machine: &Machine) -> Judged<'_> {
    let missing = machine.missing_capabilities.as_ref()?.join(", ");
    if missing.is_empty() {
        return ok("CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN are there");
    }
    if machine.is_root {
        let advice = "grant them: a container or unit takes them away even from root";
        return error(format!("root lacks {missing}"), advice);
    }
    let found = format!("this process lacks {missing}, which the daemon needs");
    warning(found, "run doctor as the daemon is run")
}

fn fwmark_accept(accept: &Fact<bool>) -> Judged<'_> {
    ok(match accept.as_ref()? {
        true => {
            "net.ipv4.tcp_fwmark_accept=1: an accepted socket has the mark of its connection, and so do its replies"
        }
        false => "net.ipv4.tcp_fwmark_accept=0: an accepted socket does not have the mark of its connection",
    })
}

/// The daemon would run without the settings of misspelt variables.
pub(super) fn environment(unknown: &[UnknownVariable]) -> Vec<Finding> {
    if unknown.is_empty() {
        return Finding::all([(Check::Environment, ok("every D365_ variable here is a flag's"))]);
    }
    Finding::all(unknown.iter().map(|variable| {
        let found = format!("no flag reads the variable {:?}", variable.name);
        (Check::Environment, warning(found, &variable.advice))
    }))
}

/// A list's age, its lease and all waiting times depend on the clock. `list` is the date of the embedded
/// list, which is older than this build.
pub(super) fn clock(clock: &Clock, list: Option<Timestamp>) -> Judged<'_> {
    let now = humantime::format_rfc3339_seconds(clock.now.into());
    let advice = "set the clock and run a time service (chrony, systemd-timesyncd): the lease depends on it";
    if let Some(list) = list.filter(|list| clock.now < *list || clock.now.since(*list) > LONGEST) {
        let list = humantime::format_rfc3339_seconds(list.into());
        return error(format!("{now} is not plausible: the embedded list is of {list}"), advice);
    }
    if *clock.is_synchronised.as_ref()? {
        ok(format!("{now}, synchronised"))
    } else {
        warning(format!("{now}, not synchronised"), advice)
    }
}

#[cfg(test)]
mod tests;
