//! The start-up summary: a few lines of text that say what the daemon recognises, where, and where
//! to look.

use std::collections::BTreeMap;

use crate::{ranges::GeoSource, snapshot::Snapshot};

/// One line each for: the generation, its geos, every interface, the address of the metrics.
#[must_use]
pub fn summary(snapshot: &Snapshot) -> Vec<String> {
    let mut lines = vec![generation(snapshot), geos(snapshot)];
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

/// The geos and how many ranges each has, those of one source together.
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
