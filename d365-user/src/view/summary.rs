//! The start-up summary: a few lines about the ranges that the daemon recognises, its interfaces, and the
//! address of its metrics.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{
    geo::GeoSource,
    snapshot::{Lease, Snapshot, SourceStatus},
    view::tags,
};

/// The lines are, in this order: the generation, its geos, the leases as they are at `now`, the tags and the
/// drops, the retired ranges and the waiting changes if there are any, every interface, and the address of
/// the metrics.
#[must_use]
pub fn summary(snapshot: &Snapshot, now: SystemTime) -> Vec<String> {
    let mut lines = vec![generation(snapshot), geos(snapshot), leases(&snapshot.updates.sources, now)];
    lines.extend(tags::tags(snapshot.tags));
    lines.extend(snapshot.drops.as_ref().map(tags::drops));
    lines.extend(retired(snapshot));
    lines.extend(pending(snapshot));
    lines.extend(snapshot.interfaces.iter().map(|iface| {
        let name = &iface.name;
        match iface.attachment {
            Some(how) if iface.attached => {
                format!("{name}: attached, mode {}, link {}", how.mode.as_str(), how.link.as_str())
            }
            _ => format!("{name}: not attached"),
        }
    }));
    lines.extend(snapshot.listen.map(|address| format!("metrics: http://{address}/metrics")));
    lines
}

/// Number, ranges and origin.
fn generation(snapshot: &Snapshot) -> String {
    let generation = &snapshot.generation;
    let ipv6 = generation.ranges.iter().filter(|range| range.prefix.addr().is_ipv6()).count();
    let ipv4 = generation.ranges.len() - ipv6;
    let change_number =
        generation.change_number.map_or_else(String::new, |number| format!(", change number {number}"));
    format!(
        "generation {}: {} ranges (IPv4 {ipv4}, IPv6 {ipv6}) from {}{change_number}",
        generation.number,
        generation.ranges.len(),
        generation.source,
    )
}

/// The geos with their numbers of ranges, grouped by the source of the geo.
fn geos(snapshot: &Snapshot) -> String {
    let mut sources: BTreeMap<GeoSource, BTreeMap<&str, usize>> = BTreeMap::new();
    for range in &snapshot.generation.ranges {
        let geos = sources.entry(range.geo.source).or_default();
        *geos.entry(range.geo.code.as_str()).or_default() += 1;
    }
    let sources = sources.iter().map(|(source, geos)| {
        let geos: Vec<_> = geos.iter().map(|(geo, count)| format!("{geo} {count}")).collect();
        format!("{}: {}", source.as_str(), geos.join(", "))
    });
    format!("geos {}", sources.collect::<Vec<_>>().join("; "))
}

/// The end of the trust in each source's ranges, which may have passed.
fn leases(sources: &[SourceStatus], now: SystemTime) -> String {
    let is_over = |time| now.duration_since(UNIX_EPOCH).is_ok_and(|now| now.as_secs() >= time);
    let lease = |source: &SourceStatus| {
        let name = &source.name;
        match source.lease {
            Lease::Unconfirmed => format!("{name} not confirmed yet"),
            Lease::Until(time) if is_over(time) => format!("{name} ended at {}", date(time)),
            Lease::Until(time) => format!("{name} until {}", date(time)),
            Lease::Endless => format!("{name} without an end"),
        }
    };
    format!("leases: {}", sources.iter().map(lease).collect::<Vec<_>>().join(", "))
}

/// A time in RFC 3339, to the second. That format has no years of five digits.
fn date(time: u64) -> String {
    /// 10000-01-01T00:00:00Z.
    const YEAR_10000: u64 = 253_402_300_800;
    let time = (time < YEAR_10000).then(|| UNIX_EPOCH.checked_add(Duration::from_secs(time))).flatten();
    time.map_or_else(
        || "a year after 9999".to_owned(),
        |time| humantime::format_rfc3339_seconds(time).to_string(),
    )
}

/// The number of ranges that are recognised although they have left the list.
fn retired(snapshot: &Snapshot) -> Option<String> {
    match snapshot.generation.retired.len() {
        0 => None,
        1 => Some("retired: 1 range".to_owned()),
        ranges => Some(format!("retired: {ranges} ranges")),
    }
}

/// The changes that wait, and the operator's next step.
fn pending(snapshot: &Snapshot) -> Option<String> {
    let waiting = snapshot.updates.pending.iter().filter(|(_, number)| *number > 0);
    let waiting: Vec<_> = waiting.map(|(change, number)| format!("{change} {number}")).collect();
    (!waiting.is_empty()).then(|| format!("pending: {}; see `d365-user approve`", waiting.join(", ")))
}
