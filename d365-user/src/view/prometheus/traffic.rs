//! What was seen on the interfaces: every packet is in exactly one of these classes.

use std::{collections::BTreeMap, fmt};

use super::exposition::{Exposition, Labels};
use crate::{
    ranges::Geo,
    snapshot::{Count, Snapshot},
};

/// Writes the traffic's families.
pub(super) fn write(exposition: &mut Exposition<'_>, snapshot: &Snapshot) -> fmt::Result {
    geos(exposition, snapshot)?;
    ranges(exposition, snapshot)?;
    let unlisted: Vec<_> =
        snapshot.interfaces.iter().map(|iface| ([("iface", iface.name.as_str())], iface.unlisted)).collect();
    exposition.counts("d365_unlisted_smtp", "to the watched ports, from sources in no range", &unlisted)?;
    let other = snapshot.interfaces.iter().flat_map(|iface| {
        let name = iface.name.as_str();
        iface.other.iter().map(move |(reason, packets)| ([("iface", name), ("reason", reason)], *packets))
    });
    let help = "Packets that are not TCP to a watched port, or cannot be told, by reason; all are passed.";
    exposition.counters("d365_other_packets", None, help, other)
}

/// Sums over the ranges of a geo; a geo's series are there before its first packet.
fn geos(exposition: &mut Exposition<'_>, snapshot: &Snapshot) -> fmt::Result {
    let totals: Vec<(&str, BTreeMap<Geo, Count>)> = snapshot
        .interfaces
        .iter()
        .map(|iface| (iface.name.as_str(), iface.geo_totals(&snapshot.generation)))
        .collect();
    let samples: Vec<(Labels<'_, 3>, Count)> = totals
        .iter()
        .flat_map(|(iface, totals)| {
            totals.iter().map(|(geo, count)| {
                let labels =
                    [("iface", *iface), ("geo", geo.code.as_str()), ("geo_source", geo.source.as_str())];
                (labels, *count)
            })
        })
        .collect();
    exposition.counts("d365_smtp", "to the watched ports from listed ranges, by geo", &samples)
}

/// Each range by itself.
fn ranges(exposition: &mut Exposition<'_>, snapshot: &Snapshot) -> fmt::Result {
    let prefixes: Vec<String> =
        snapshot.generation.ranges.iter().map(|range| range.prefix.to_string()).collect();
    let samples: Vec<(Labels<'_, 3>, Count)> = snapshot
        .interfaces
        .iter()
        .flat_map(|iface| {
            iface.counts(&snapshot.generation).zip(&prefixes).map(|((range, count), prefix)| {
                let labels = [
                    ("iface", iface.name.as_str()),
                    ("range", prefix.as_str()),
                    ("geo", range.geo.code.as_str()),
                ];
                (labels, count)
            })
        })
        .collect();
    exposition.counts("d365_range", "to the watched ports from a listed range", &samples)
}
