//! The checks of kernel, BPF and privileges.

use super::super::finding::{Check, Finding};
use crate::kernel::survey::{Fact, Machine, Version};

/// The oldest kernel that loads the program.
const OLDEST: Version = Version(5, 10);
/// From this version on, maps count towards the memory of a control group, not towards locked memory.
const WITHOUT_MEMLOCK: Version = Version(5, 11);

pub(super) fn judge(machine: &Machine) -> Vec<Finding> {
    vec![
        kernel(machine),
        bpf(machine),
        btf(machine),
        jit(&machine.jit),
        harden(&machine.jit_harden),
        memlock(machine),
        capabilities(machine),
        fwmark_accept(&machine.fwmark_accept),
    ]
}

fn kernel(machine: &Machine) -> Finding {
    match &machine.kernel {
        Ok((version, release)) if *version >= OLDEST => {
            Finding::ok(Check::Kernel, format!("Linux {release}"))
        }
        Ok((_, release)) => {
            let advice = "run Linux 5.10 or later";
            Finding::error(Check::Kernel, format!("Linux {release} is too old"), advice)
        }
        Err(unknown) => Finding::unknown(Check::Kernel, unknown),
    }
}

fn bpf(machine: &Machine) -> Finding {
    let may = machine.missing_capabilities.as_ref().is_ok_and(Vec::is_empty);
    match &machine.missing_feature {
        Ok(None) => Finding::ok(Check::Bpf, "the kernel takes every kind of map and program that is needed"),
        Ok(Some(missing)) => Finding::error(Check::Bpf, missing, "run a kernel that has it"),
        Err(refused) if may => {
            let advice = "the capabilities are there and do not count: the kernel wants them in the initial user namespace, \
                          and no security module or seccomp filter that forbids bpf(2)";
            Finding::error(Check::Bpf, refused.to_string(), advice)
        }
        Err(unknown) => Finding::unknown(Check::Bpf, unknown),
    }
}

fn btf(machine: &Machine) -> Finding {
    if machine.has_btf {
        return Finding::ok(Check::Btf, "/sys/kernel/btf/vmlinux is there");
    }
    let advice = "the daemon does not need it; a kernel with CONFIG_DEBUG_INFO_BTF lets bpftool show more";
    Finding::warning(Check::Btf, "/sys/kernel/btf/vmlinux is missing", advice)
}

fn jit(enabled: &Fact<u64>) -> Finding {
    match enabled {
        Ok(0) => Finding::warning(
            Check::Jit,
            "off: programs are interpreted, which is slow",
            "sysctl -w net.core.bpf_jit_enable=1",
        ),
        Ok(2) => Finding::warning(
            Check::Jit,
            "on, and every program is written to the kernel's log",
            "sysctl -w net.core.bpf_jit_enable=1",
        ),
        Ok(_) => Finding::ok(Check::Jit, "on"),
        Err(unknown) => Finding::unknown(Check::Jit, unknown),
    }
}

fn harden(hardened: &Fact<u64>) -> Finding {
    match hardened {
        Ok(0) => Finding::ok(Check::JitHarden, "off"),
        Ok(1) => Finding::ok(Check::JitHarden, "for unprivileged programs only"),
        Ok(_) => Finding::warning(
            Check::JitHarden,
            "for all programs: every packet costs more",
            "sysctl -w net.core.bpf_jit_harden=1, unless your policy asks for 2",
        ),
        Err(unknown) => Finding::unknown(Check::JitHarden, unknown),
    }
}

fn memlock(machine: &Machine) -> Finding {
    match (&machine.kernel, &machine.memlock) {
        (Ok((version, _)), _) if *version >= WITHOUT_MEMLOCK => {
            Finding::ok(Check::Memlock, "does not limit maps on this kernel")
        }
        (_, Ok(None)) => Finding::ok(Check::Memlock, "no limit"),
        (_, Ok(Some(limit))) => Finding::warning(
            Check::Memlock,
            format!("{limit} bytes may be locked, and before Linux 5.11 maps count towards them"),
            "grant CAP_SYS_RESOURCE, or set LimitMEMLOCK=infinity",
        ),
        (_, Err(unknown)) => Finding::unknown(Check::Memlock, unknown),
    }
}

/// Missing capabilities are an error for root only: another user may check for a daemon that runs as root.
fn capabilities(machine: &Machine) -> Finding {
    let missing = match &machine.missing_capabilities {
        Ok(missing) if missing.is_empty() => {
            return Finding::ok(Check::Capabilities, "CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN are there");
        }
        Ok(missing) => missing.join(", "),
        Err(unknown) => return Finding::unknown(Check::Capabilities, unknown),
    };
    if machine.is_root {
        let advice = "grant them: a container or unit takes them away even from root";
        return Finding::error(Check::Capabilities, format!("root lacks {missing}"), advice);
    }
    let found = format!("this process lacks {missing}, which the daemon needs");
    Finding::warning(Check::Capabilities, found, "run doctor as the daemon is run")
}

fn fwmark_accept(accept: &Fact<bool>) -> Finding {
    match accept {
        Ok(true) => Finding::ok(
            Check::FwmarkAccept,
            "net.ipv4.tcp_fwmark_accept=1: an accepted socket has the mark of its connection, and so do its replies",
        ),
        Ok(false) => Finding::ok(
            Check::FwmarkAccept,
            "net.ipv4.tcp_fwmark_accept=0: an accepted socket does not have the mark of its connection",
        ),
        Err(unknown) => Finding::unknown(Check::FwmarkAccept, unknown),
    }
}

#[cfg(test)]
mod tests;
