//! From facts to findings. Pure: nothing here asks the system.

use super::{
    facts::Facts,
    finding::{Check, Finding},
};

mod clock;
mod environment;
mod generic;
mod interface;
mod machine;
mod native;
mod programs;
mod state;

/// All findings, those of the machine first.
pub(super) fn all(facts: &Facts) -> Vec<Finding> {
    let machine = &facts.machine;
    let mut findings = machine::judge(machine);
    findings.extend(environment::judge(&facts.unknown_variables));
    findings.push(clock::judge(&facts.clock, facts.list));
    findings.extend(state::judge(&facts.state, facts.clock.now, facts.list));
    match &facts.interfaces {
        Ok(interfaces) if interfaces.is_empty() => findings.push(Finding::warning(
            Check::Interface,
            "no Ethernet interface of this network namespace is up",
            "run doctor in the daemon's network namespace, or name an interface with --iface",
        )),
        Ok(interfaces) => {
            let judged = interfaces.iter().flat_map(|(name, facts)| interface::judge(name, facts, machine));
            findings.extend(judged);
        }
        Err(unknown) => findings.push(Finding::unknown(Check::Interface, unknown)),
    }
    findings
}
