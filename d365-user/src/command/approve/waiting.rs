//! What waits, as a table. Pure.

use std::time::Duration;

use crate::{
    command::text::{aligned, counted, plain},
    generation::gate::{Action, Gate, Pending, StepBack},
    ranges::Range,
    state::gates::Gates,
};

/// How many changes wait; a lower change number is one.
pub(super) fn changes(gates: &Gates) -> usize {
    gates.values().map(changes_of).sum()
}

fn changes_of(gate: &Gate) -> usize {
    gate.pending().len() + usize::from(gate.step_back().is_some())
}

/// What waits, by source.
pub(super) fn table(gates: &Gates) -> String {
    let waiting = gates.iter().filter(|(_, gate)| changes_of(gate) > 0);
    let tables = waiting.map(|(source, gate)| {
        let header = ["reason", "prefix", "change", "passes by itself"].map(str::to_owned).to_vec();
        let step_back = gate.step_back().map(|step| step_back(step, gate.policy().hold));
        let changes = gate.pending().map(|pending| row(gate, &pending));
        let rows: Vec<_> = std::iter::once(header).chain(step_back).chain(changes).collect();
        format!("{}: {} waiting\n{}\n", plain(source), counted(changes_of(gate), "change"), aligned(&rows))
    });
    tables.collect()
}

/// How long a lower number has waited is not told.
fn step_back(StepBack { from, to }: StepBack, hold: Duration) -> Vec<String> {
    let to = to.map_or_else(|| "none".to_owned(), |to| to.to_string());
    let what = format!("change number {from} → {to}");
    vec!["step_back".to_owned(), "–".to_owned(), what, format!("within {}", time(hold))]
}

fn row(gate: &Gate, pending: &Pending<'_>) -> Vec<String> {
    let accepted = gate.accepted().find(|range| range.prefix == pending.prefix);
    let what = match (pending.action, accepted) {
        (Action::Add(range), _) => format!("add, {}", label(range)),
        (Action::Remove, None) => "remove".to_owned(),
        (Action::Remove, Some(range)) => format!("remove, {}", label(range)),
        (Action::Relabel(range), None) => format!("relabel → {}", label(range)),
        (Action::Relabel(range), Some(old)) => format!("relabel, {} → {}", label(old), label(range)),
    };
    let when = match pending.left {
        None => "never: until approved".to_owned(),
        Some(Duration::ZERO) => "at the next fetch that shows it".to_owned(),
        Some(left) => format!("in {}, if still offered", time(left)),
    };
    vec![pending.change.to_string(), pending.prefix.to_string(), what, when]
}

fn label(range: &Range) -> String {
    let region = range.region.as_deref().map(|region| format!(", {}", plain(region)));
    format!("{}{}", range.geo, region.unwrap_or_default())
}

fn time(time: Duration) -> String {
    humantime::format_duration(time).to_string()
}

#[cfg(test)]
mod tests;
