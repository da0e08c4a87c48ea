//! The state of updates: sources, pending changes, refused updates, leases.

use std::fmt;

use prometheus_client::{
    encoding::{EncodeGaugeValue, GaugeValueEncoder},
    registry::Unit,
};

use super::exposition::{Exposition, Labels};
use crate::{
    published::Lease,
    snapshot::{Azure, Snapshot, SourceStatus},
};

/// Writes the families of updates.
pub(super) fn write(exposition: &mut Exposition<'_>, snapshot: &Snapshot) -> fmt::Result {
    let updates = &snapshot.updates;
    let retired = u64::try_from(snapshot.generation.retired.len()).unwrap_or(u64::MAX);
    let help = "Ranges that have left the list and are still recognised.";
    exposition.gauge("d365_ranges_retired", None, help, retired)?;
    let help = "Changes to the list that wait, by reason.";
    exposition.gauges("d365_ranges_pending", None, help, by("change", &updates.pending))?;
    let help = "Updates that were not published, by reason; the list before them stays.";
    exposition.counters("d365_updates_refused", None, help, by("reason", &updates.refused))?;
    sources(exposition, &updates.sources)?;
    let help = "Failures to keep or to read the state directory, by what was being done.";
    exposition.counters("d365_state_failures", None, help, by("operation", &updates.state_failures))?;
    leases(exposition, &updates.sources)?;
    snapshot.azure.as_ref().map_or(Ok(()), |azure| unlisted_azure(exposition, azure))
}

/// A sample for each value of one label.
fn by<'a>(
    label: &'static str,
    values: &'a [(&'static str, u64)],
) -> impl Iterator<Item = (Labels<'a, 1>, u64)> {
    values.iter().map(move |(value, number)| ([(label, *value)], *number))
}

/// Writes the state of the sources. A source that never gave a good list has no time of success: 0 would be
/// 1970.
fn sources(exposition: &mut Exposition<'_>, sources: &[SourceStatus]) -> fmt::Result {
    let succeeded = sources
        .iter()
        .filter_map(|source| source.last_success.map(|time| ([("source", source.name.as_str())], time)));
    let help = "When the source last gave a good list, since the Unix epoch; absent while it never did.";
    exposition.gauges("d365_source_last_success_timestamp", Some(&Unit::Seconds), help, succeeded)?;
    let left_out =
        sources.iter().map(|source| ([("source", source.name.as_str())], u64::from(source.is_left_out)));
    let help = "1 while nothing of the source is used, because its list does not fit within --max-ranges together with the others.";
    exposition.gauges("d365_source_left_out", None, help, left_out)?;
    let failures = sources.iter().flat_map(|source| {
        let name = source.name.as_str();
        source.failures.iter().map(move |(reason, number)| ([("source", name), ("reason", reason)], *number))
    });
    let help = "Times that the source gave no good list, by reason.";
    exposition.counters("d365_source_failures", None, help, failures)
}

fn leases(exposition: &mut Exposition<'_>, sources: &[SourceStatus]) -> fmt::Result {
    let help = "Until when the source's ranges are trusted, since the Unix epoch; 0 while it has confirmed none, +Inf \
                without an end.";
    let ends = sources.iter().map(|source| ([("source", source.name.as_str())], End(source.lease)));
    exposition.gauges("d365_lease_expiry_timestamp", Some(&Unit::Seconds), help, ends)
}

/// The end of a lease as a sample.
#[derive(Debug)]
struct End(Lease);

/// The encoder writes infinity as `inf`, which both formats read as `+Inf`.
impl EncodeGaugeValue for End {
    fn encode(&self, encoder: &mut GaugeValueEncoder<'_>) -> fmt::Result {
        match self.0 {
            Lease::Unconfirmed => 0_u64.encode(encoder),
            Lease::Until(time) => time.encode(encoder),
            Lease::Endless => f64::INFINITY.encode(encoder),
        }
    }
}

/// Writes the counts that show a rotation of addresses before the list does.
fn unlisted_azure(exposition: &mut Exposition<'_>, azure: &Azure) -> fmt::Result {
    let regions = azure.connections.iter().map(|(region, number)| ([("region", region.as_str())], *number));
    let help = "New connections (SYN without ACK) to the watched ports from unlisted sources inside Azure, as far as they \
                were looked at, by region.";
    exposition.counters("d365_unlisted_azure_connections", None, help, regions)?;
    let help =
        "New connections from unlisted sources that were not looked at because there were too many at once.";
    exposition.counter("d365_unlisted_azure_lost", None, help, azure.lost)
}
