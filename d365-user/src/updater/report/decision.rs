//! Log lines about the decisions of a gate: one line each.

use ipnet::IpNet;
use tracing::field::display;

use crate::{
    gate::{Action, Change, Decision, Refusal},
    geo::Geo,
    logging,
    ranges::Range,
};

/// The number of decisions that are logged one by one, for warnings and for others. The first reading of a
/// long list has thousands.
const MOST: usize = 20;

/// Logs the decisions of a source's gate. A confirmation is the normal case and is not logged.
pub(in crate::updater) fn decisions(source: &str, decisions: &[Decision]) {
    let _span = tracing::error_span!("gate", %source).entered();
    let mut counts = [0_usize; 2];
    for decision in decisions.iter().filter(|decision| **decision != Decision::Confirmed) {
        let count = &mut counts[usize::from(is_warning(decision))];
        *count += 1;
        if *count <= MOST {
            log(decision);
        }
    }
    match counts.map(|count| count.saturating_sub(MOST)) {
        [0, 0] => {}
        [count, 0] => tracing::info!(count, "and more decisions"),
        [more, warnings] => tracing::warn!(count = more + warnings, "and more decisions"),
    }
}

fn is_warning(decision: &Decision) -> bool {
    match decision {
        Decision::Waits { change, .. } => *change != Change::Addition,
        Decision::Refused(_) => true,
        _ => false,
    }
}

fn log(decision: &Decision) {
    match decision {
        Decision::Confirmed => {}
        Decision::Accepted { range, by } => {
            let Range { prefix, geo: Geo { code, source }, region } = range;
            tracing::info!(
                range = %prefix, geo = %code, geo_source = %source, region, %by,
                "the range is listed from now on"
            );
        }
        Decision::Retired { range, by, until } => {
            let Range { prefix, geo: Geo { code, source }, region } = range;
            let until = logging::time(until.0);
            tracing::info!(
                range = %prefix, geo = %code, geo_source = %source, region, %by, %until,
                "the range has left the list, and is recognised as retired"
            );
        }
        Decision::Relabelled { from, to, by } => {
            let Range { prefix, geo: Geo { code, source }, region } = to;
            tracing::info!(
                range = %prefix, geo = %code, geo_source = %source, region, before = labels(from), %by,
                "the range has another geo or region"
            );
        }
        Decision::SteppedBack { from, to, by } => {
            tracing::info!(change_number = to, before = from, %by, "the change number goes back");
        }
        Decision::Gone(range) => {
            tracing::info!(range = %range.prefix, "the range is not recognised as retired any more");
        }
        Decision::Waits { prefix, action, change } => waits(prefix, action, *change),
        Decision::Withdrawn { prefix, .. } => {
            tracing::info!(range = %prefix, "the change is no longer offered");
        }
        Decision::Rejected { prefix, .. } => {
            tracing::info!(range = %prefix, "the change is rejected, and waits for its own approval");
        }
        Decision::Refused(refusal) => tracing::warn!("{}", refused(*refusal)),
    }
}

fn waits(range: &IpNet, action: &Action, change: Change) {
    let (action, new) = match action {
        Action::Add(new) => ("add", Some(new)),
        Action::Remove(_) => ("remove", None),
        Action::Relabel(new) => ("relabel", Some(new)),
    };
    let geo = new.map(|new| display(new.geo.code));
    let geo_source = new.map(|new| display(new.geo.source));
    let region = new.and_then(|new| new.region.as_deref());
    match change {
        Change::Capacity => {
            tracing::warn!(%range, action, geo, geo_source, region, %change, "a change waits for room; raise --max-ranges");
        }
        Change::Addition => {
            tracing::info!(%range, action, geo, geo_source, region, %change, "a change waits; see `d365-user approve`");
        }
        _ => {
            tracing::warn!(%range, action, geo, geo_source, region, %change, "a change waits; see `d365-user approve`");
        }
    }
}

/// The geo of a range and its region.
fn labels(range: &Range) -> String {
    let region = range.region.as_ref().map(|region| format!(", {region}")).unwrap_or_default();
    format!("{}{region}", range.geo)
}

fn refused(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Empty => "the list is empty: refused",
        Refusal::StepBack => {
            "the tag's change number is lower than before, or missing: the list is held whole; \
             see `d365-user approve`"
        }
        Refusal::Shrink => {
            "the list is much shorter than what is accepted: held whole; see `d365-user approve`"
        }
        Refusal::Flood => "the list has very many new ranges: held whole; see `d365-user approve`",
    }
}
