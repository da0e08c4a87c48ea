//! The checks of the other programs on an interface.

use super::super::finding::{Check, Finding};
use crate::kernel::survey::{Fact, InterfaceFacts, Program, Unknown};

pub(super) fn judge(facts: &InterfaceFacts) -> Vec<Finding> {
    vec![tc(facts), xdp(facts), behind(facts)]
}

fn tc(facts: &InterfaceFacts) -> Finding {
    match &facts.tcx {
        Ok(Some(_)) => Finding::ok(Check::Tc, "tcx"),
        Ok(None) => Finding::ok(Check::Tc, "clsact: this kernel has no tcx (6.6 and later do)"),
        Err(unknown) => Finding::unknown(Check::Tc, unknown),
    }
}

fn xdp(facts: &InterfaceFacts) -> Finding {
    let check = Check::XdpPrograms;
    let (xdp, program) = match &facts.xdp {
        Ok(None) => return above(facts),
        Ok(Some(there)) => there,
        Err(unknown) => return Finding::unknown(check, unknown),
    };
    let found = format!("{}, {} mode", describe(program), xdp.mode.as_str());
    let advice = "the daemon does not replace it: stop whoever keeps it, or detach it with `ip link`";
    match &program.name {
        _ if program.is_ours() => Finding::ok(check, format!("d365-user's own: {found}")),
        Ok(_) => Finding::error(check, format!("another program is here: {found}"), advice),
        Err(unknown) => Finding::warning(check, format!("{found}: its owner is not known"), doing(unknown)),
    }
}

/// The finding for an interface without a program: the kernel takes none if the device above it has one.
fn above(facts: &InterfaceFacts) -> Finding {
    let check = Check::XdpPrograms;
    let (upper, xdp, program) = match &facts.xdp_above {
        Ok(None) => return Finding::ok(check, "none"),
        Ok(Some(above)) => above,
        Err(unknown) => return Finding::unknown(check, unknown),
    };
    let found =
        format!("{upper}, which lies above it, has {}, {} mode", describe(program), xdp.mode.as_str());
    let advice = format!(
        "the kernel takes no program below another: watch {upper} alone, or both in one daemon, or stop whoever keeps \
         that program"
    );
    Finding::error(check, found, advice)
}

/// The programs and filters between XDP and the network stack.
fn behind(facts: &InterfaceFacts) -> Finding {
    let check = Check::TcPrograms;
    let (tcx, clsact) = match (&facts.tcx, &facts.clsact) {
        (Ok(tcx), Ok(clsact)) => (tcx.iter().flatten(), clsact.iter()),
        (Err(unknown), _) | (_, Err(unknown)) => return Finding::unknown(check, unknown),
    };
    let tcx = tcx.map(|program| (format!("tcx {}", describe(program)), Some(program)));
    let clsact = clsact.map(|filter| match &filter.program {
        Some(program) => (format!("clsact {}", describe(program)), Some(program)),
        None => (format!("clsact {} filter with priority {}", filter.kind, filter.priority), None),
    });
    let all: Vec<(String, Option<&Program>)> = tcx.chain(clsact).collect();
    if all.is_empty() {
        return Finding::ok(check, "none");
    }
    let found = all.iter().map(|(what, _)| what.as_str()).collect::<Vec<_>>().join("; ");
    let others =
        || all.iter().map(|(_, program)| program).filter(|program| !program.is_some_and(Program::is_ours));
    if others().next().is_none() {
        return Finding::ok(check, format!("d365-user's own: {found}"));
    }
    match others().flatten().find_map(|program| program.name.as_ref().err()) {
        Some(unknown) => {
            Finding::warning(check, format!("{found}: their owners are not known"), doing(unknown))
        }
        None => Finding::warning(
            check,
            format!("others are here: {found}"),
            "the daemon detaches none of them; `generic` reports what they see in generic mode. One that sets marks may undo a \
             tag or be undone: look at the order",
        ),
    }
}

fn doing(unknown: &Unknown) -> &'static str {
    match unknown {
        Unknown::Refused(_) => "run doctor as root",
        Unknown::Failed(_) => "run doctor again",
    }
}

/// The program's name, its id, and the processes that hold it.
fn describe(program: &Program) -> String {
    let name = named(&program.name);
    let id = program.id.map_or_else(|| " (classic BPF)".to_owned(), |id| format!(" (id {id})"));
    let Some(holders) = &program.holders else { return format!("{name}{id}") };
    let processes: Vec<_> =
        holders.processes.iter().map(|holder| format!("{} {}", holder.command, holder.process)).collect();
    let held = match (processes.is_empty(), holders.is_partial) {
        (false, _) => format!("held by {}", processes.join(", ")),
        (true, false) => "held by no process: pinned, or attached by netlink or tc".to_owned(),
        (true, true) => "held by no process that can be looked into".to_owned(),
    };
    format!("{name}{id} {held}")
}

fn named(name: &Fact<String>) -> &str {
    match name.as_deref() {
        Ok("") => "a program without a name",
        Ok(name) => name,
        Err(_) => "a program",
    }
}
