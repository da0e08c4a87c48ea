//! The traffic on the interfaces: every packet is in exactly one of these classes, with or without a tag or a
//! drop.

use std::{collections::BTreeMap, fmt};

use super::exposition::{Exposition, Labels};
use crate::{
    geo::Geo,
    ranges::Range,
    snapshot::{Count, Generation, Interface, Snapshot},
};

/// The counts of some ranges of a generation on an interface.
type RangeCounts = for<'a> fn(&'a Interface, &'a Generation) -> Vec<(&'a Range, Count)>;

/// Writes the families of traffic. Those of listed ranges do not count the packets of retired ranges, nor the
/// other way round.
pub(super) fn write(exposition: &mut Exposition<'_>, snapshot: &Snapshot) -> fmt::Result {
    let of = "to the watched ports from listed ranges, by the sender's geo";
    geos(exposition, snapshot, "d365_smtp", of, Interface::geo_totals)?;
    if snapshot.range_metrics {
        let of = "to the watched ports from a listed range";
        let counts: RangeCounts = |iface, generation| iface.counts(generation).collect();
        ranges(exposition, snapshot, "d365_range", of, counts)?;
    }
    let of = "to the watched ports from retired ranges (off the list, still recognised), by the sender's geo";
    geos(exposition, snapshot, "d365_retired_smtp", of, Interface::retired_totals)?;
    if snapshot.range_metrics {
        let of = "to the watched ports from a retired range, while it is recognised";
        let counts: RangeCounts = |iface, generation| iface.retired_counts(generation).collect();
        ranges(exposition, snapshot, "d365_retired_range", of, counts)?;
    }
    let unlisted: Vec<_> =
        snapshot.interfaces.iter().map(|iface| ([("iface", iface.name.as_str())], iface.unlisted)).collect();
    exposition.counts("d365_unlisted_smtp", "to the watched ports, from sources in no range", &unlisted)?;
    let other = snapshot.interfaces.iter().flat_map(|iface| {
        let name = iface.name.as_str();
        iface.other.iter().map(move |(reason, packets)| ([("iface", name), ("reason", reason)], *packets))
    });
    let help =
        "Packets that are not TCP to a watched port, or cannot be classified, by reason; all are passed.";
    exposition.counters("d365_other_packets", None, help, other)
}

/// Sums over the ranges of a geo. A geo's series are present before its first packet.
fn geos(
    exposition: &mut Exposition<'_>,
    snapshot: &Snapshot,
    stem: &str,
    of: &str,
    totals: fn(&Interface, &Generation) -> BTreeMap<Geo, Count>,
) -> fmt::Result {
    let totals: Vec<(&str, BTreeMap<Geo, Count>)> = snapshot
        .interfaces
        .iter()
        .map(|iface| (iface.name.as_str(), totals(iface, &snapshot.generation)))
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
    exposition.counts(stem, of, &samples)
}

/// Each range by itself.
fn ranges(
    exposition: &mut Exposition<'_>,
    snapshot: &Snapshot,
    stem: &str,
    of: &str,
    counts: RangeCounts,
) -> fmt::Result {
    let each: Vec<(&str, &Range, String, Count)> = snapshot
        .interfaces
        .iter()
        .flat_map(|iface| {
            counts(iface, &snapshot.generation)
                .into_iter()
                .map(|(range, count)| (iface.name.as_str(), range, range.prefix.to_string(), count))
        })
        .collect();
    let samples: Vec<(Labels<'_, 3>, Count)> = each
        .iter()
        .map(|(iface, range, prefix, count)| {
            ([("iface", *iface), ("range", prefix), ("geo", range.geo.code.as_str())], *count)
        })
        .collect();
    exposition.counts(stem, of, &samples)
}
