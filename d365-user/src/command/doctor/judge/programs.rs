//! The checks of the other programs on an interface.

use super::super::finding::{Judged, ok, warning};
use crate::kernel::survey::{Fact, InterfaceFacts, Program, Unknown};

pub(super) fn tc(facts: &InterfaceFacts) -> Judged<'_> {
    ok(match facts.tcx.as_ref()? {
        Some(_) => "tcx",
        None => "clsact: this kernel has no tcx (6.6 and later do)",
    })
}

pub(super) fn xdp(facts: &InterfaceFacts) -> Judged<'_> {
    let Some((xdp, program)) = facts.xdp.as_ref()? else { return above(facts) };
    let found = format!("{}, {} mode", describe(program), xdp.mode.as_str());
    let advice = "the daemon does not replace it: --mode auto then takes tc; --mode native and generic end with exit code 6, \
                  or leave the interface out if it only matches a pattern";
    match &program.name {
        _ if program.is_ours() => ok(format!("d365-user's own: {found}")),
        Ok(_) => warning(format!("another program is here: {found}"), advice),
        Err(unknown) => warning(format!("{found}: its owner is not known"), doing(unknown)),
    }
}

/// The finding for an interface without a program: the kernel takes none if the device above it has one.
fn above(facts: &InterfaceFacts) -> Judged<'_> {
    let Some((upper, xdp, program)) = facts.xdp_above.as_ref()? else { return ok("none") };
    let found =
        format!("{upper}, which lies above it, has {}, {} mode", describe(program), xdp.mode.as_str());
    let advice = format!(
        "the kernel takes no XDP program below another, and --mode auto takes tc: watch {upper} alone, or both in one daemon, \
         or stop whoever keeps that program"
    );
    warning(found, advice)
}

/// The programs and filters between XDP and the network stack.
pub(super) fn behind(facts: &InterfaceFacts) -> Judged<'_> {
    let tcx = facts.tcx.as_ref()?.iter().flatten();
    let tcx = tcx.map(|program| (format!("tcx {}", describe(program)), Some(program)));
    let clsact = facts.clsact.as_ref()?.iter().map(|(filter, program)| match program {
        Some(program) => (format!("clsact {}", describe(program)), Some(program)),
        None => (format!("clsact {filter}"), None),
    });
    let all: Vec<(String, Option<&Program>)> = tcx.chain(clsact).collect();
    if all.is_empty() {
        return ok("none");
    }
    let found = all.iter().map(|(what, _)| what.as_str()).collect::<Vec<_>>().join("; ");
    let others =
        || all.iter().map(|(_, program)| program).filter(|program| !program.is_some_and(Program::is_ours));
    let counters = all.iter().filter(|(_, program)| program.is_some_and(Program::is_our_counter)).count();
    let by_xdp =
        facts.xdp.as_ref().is_ok_and(|xdp| xdp.as_ref().is_some_and(|(_, program)| program.is_our_counter()));
    if counters + usize::from(by_xdp) > 1 {
        return warning(
            format!("several d365-users count here: {found}"),
            "each tags and drops by its own list; `d365-user detach` removes the programs that --keep-attached has left",
        );
    }
    if others().next().is_none() {
        return ok(format!("d365-user's own: {found}"));
    }
    match others().flatten().find_map(|program| program.name.as_ref().err()) {
        Some(unknown) => warning(format!("{found}: their owners are not known"), doing(unknown)),
        None => warning(
            format!("others are here: {found}"),
            "the daemon detaches none of them; `generic` reports what they see in generic mode. One that sets marks may undo a \
             tag or be undone, and by tc one that runs before the daemon's may keep packets from it: look at the order",
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
    let held = match (holders.processes.is_empty(), holders.is_partial) {
        (false, _) => format!("held by {}", holders.processes.join(", ")),
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
