//! The table of the changes that wait. Pure.

use std::time::Duration;

use crate::{
    command::text::{aligned, counted, period, plain},
    gate::{Action, Gate, Pending, StepBack, Wait, gates::Gates},
    ranges::Range,
};

/// The number of changes that wait, without rejected ones. A lower change number counts as one.
pub(super) fn changes_of(gate: &Gate) -> usize {
    prefixes(gate) + usize::from(gate.step_back().is_some())
}

/// The number of prefixes with a change that waits, without rejected ones.
pub(super) fn prefixes(gate: &Gate) -> usize {
    gate.pending().filter(|pending| pending.wait != Wait::Rejected).count()
}

/// The sources of which nothing is used, then the waiting and the rejected changes by source, each with its
/// digest.
pub(super) fn table(gates: &Gates) -> String {
    let left_out = gates.iter().filter(|(_, gate)| gate.is_left_out()).map(|(source, _)| {
        format!(
            "{}: its accepted list does not fit together with the others within --max-ranges: nothing of it is used; \
             raise --max-ranges, or name it earlier\n\n",
            plain(source)
        )
    });
    let waiting = gates.iter().filter_map(|(source, gate)| Some((source, gate, gate.pending_digest()?)));
    let tables = waiting.map(|(source, gate, digest)| {
        let header = ["reason", "prefix", "change", "passes by itself"].map(str::to_owned).to_vec();
        let step_back = gate.step_back().map(|step| step_back(step, gate.policy().hold));
        let changes = gate.pending().map(|pending| row(gate, &pending));
        let rows: Vec<_> = std::iter::once(header).chain(step_back).chain(changes).collect();
        let waiting = counted(changes_of(gate), "change");
        let rejected = match gate.pending().len() - prefixes(gate) {
            0 => String::new(),
            rejected => format!(", {rejected} rejected"),
        };
        let source = plain(source);
        format!("{source}: {waiting} waiting{rejected}\ndigest {digest}\n{}\n", aligned(&rows))
    });
    left_out.chain(tables).collect()
}

/// The table does not show how long a lower number has waited.
fn step_back(StepBack { from, to }: StepBack, hold: Duration) -> Vec<String> {
    let to = to.map_or_else(|| "none".to_owned(), |to| to.to_string());
    let what = format!("change number {from} → {to}");
    vec!["step_back".to_owned(), "–".to_owned(), what, format!("within {}", period(hold))]
}

fn row(gate: &Gate, pending: &Pending<'_>) -> Vec<String> {
    let accepted = gate.accepted().find(|range| range.prefix == pending.prefix);
    let what = match (pending.action, accepted) {
        (Action::Add(range), _) => format!("add, {}", label(range)),
        (Action::Remove(_), None) => "remove".to_owned(),
        (Action::Remove(_), Some(range)) => format!("remove, {}", label(range)),
        (Action::Relabel(range), None) => format!("relabel → {}", label(range)),
        (Action::Relabel(range), Some(old)) => format!("relabel, {} → {}", label(old), label(range)),
    };
    let when = match (pending.wait, pending.left) {
        (Wait::Room, _) => "when there is room: raise --max-ranges".to_owned(),
        (Wait::Rejected, _) => "never: rejected; approve its prefix to take it".to_owned(),
        (_, None) => "never: until approved".to_owned(),
        (_, Some(Duration::ZERO)) => "at the next fetch that shows it".to_owned(),
        (_, Some(left)) => format!("in {}, if still offered", period(left)),
    };
    vec![pending.change.to_string(), pending.prefix.to_string(), what, when]
}

fn label(range: &Range) -> String {
    let region = range.region.as_deref().map(|region| format!(", {}", plain(region)));
    format!("{}{}", range.geo, region.unwrap_or_default())
}

#[cfg(test)]
mod tests;
