//! From facts to findings. Pure: nothing here asks the system.

use super::{
    facts::Facts,
    finding::{Check, Finding, warning},
};

mod generic;
mod http;
mod interface;
mod kind;
mod machine;
mod native;
mod programs;
mod state;

/// All findings, those of the machine first.
pub(super) fn all(facts: &Facts) -> Vec<Finding> {
    let machine = &facts.machine;
    let mut findings = machine::judge(machine);
    findings.extend(machine::environment(&facts.unknown_variables));
    findings.extend(Finding::all([(Check::Clock, machine::clock(&facts.clock, facts.list))]));
    findings.extend(http::judge(&facts.http));
    findings.extend(state::judge(&facts.state, facts.clock.now, facts.list));
    match &facts.interfaces {
        Ok(interfaces) if !interfaces.is_empty() || !facts.unmatched.is_empty() => {
            // Without one that can be watched the daemon does not start.
            let is_any_watched = interfaces.iter().any(|(_, of_it)| interface::may_be_watched(of_it));
            let judged = interfaces.iter().flat_map(|(name, of_it)| {
                let is_optional = is_any_watched && facts.matched.contains(name);
                interface::judge(name, of_it, machine, is_optional)
            });
            findings.extend(judged);
            let count = if facts.matched.is_empty() { 0 } else { interfaces.len() };
            findings.extend(interface::together(count, facts.same.as_deref()));
            let unmatched = facts.unmatched.iter().map(|text| interface::unmatched(text, is_any_watched));
            findings.extend(unmatched.flatten());
        }
        Ok(_) => {
            let none = warning(
                "no Ethernet interface of this network namespace is up",
                "run doctor in the daemon's network namespace, or name an interface with --iface",
            );
            findings.extend(Finding::all([(Check::Interface, none)]));
        }
        Err(unknown) => findings.extend(Finding::all([(Check::Interface, Err(unknown))])),
    }
    findings
}
