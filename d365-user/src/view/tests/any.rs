//! Tests with any snapshot: each of its numbers can be read from the text, once, and the geos' sums are the
//! ranges' sums.

use std::collections::{BTreeMap, BTreeSet};

use d365_common::packet_action::PacketAction;
use proptest::prelude::*;

use self::made::{REASONS, snapshot};
use super::{
    Format,
    parse::{Sample, samples},
    text,
};
use crate::{
    geo::Geo,
    published::Lease,
    ranges::Range,
    snapshot::{Count, Generation, Interface, Snapshot},
};

mod made;

/// The samples of `name`: the values of `labels`, and the sample's value.
fn family<const N: usize>(all: &[Sample], name: &str, labels: [&str; N]) -> BTreeMap<[String; N], u64> {
    let of_name = all.iter().filter(|sample| sample.name == name);
    of_name
        .map(|sample| {
            assert_eq!(sample.labels.len(), N, "{sample:?}");
            (labels.map(|label| sample.labels[label].clone()), sample.value.parse().unwrap())
        })
        .collect()
}

type Part = (&'static str, fn(&Count) -> u64);

const PARTS: [Part; 3] = [
    ("packets", |count| count.packets),
    ("bytes", |count| count.bytes),
    ("connections", |count| count.connections),
];

/// The ranges of one kind with their counts on an interface, and the counts of ranges that are gone.
type Kind = fn(&Generation, &Interface) -> (Vec<(Range, Count)>, Vec<(Geo, Count)>);

const LISTED: Kind = |generation, iface| {
    let ranges = generation.ranges.iter().cloned().zip(iface.ranges.iter().copied());
    (ranges.collect(), iface.gone.clone())
};

const RETIRED: Kind = |generation, iface| {
    let ranges = generation.retired.iter().cloned().zip(iface.retired.iter().copied());
    (ranges.collect(), iface.retired_gone.clone())
};

/// Checks the counts by range, and the counts by geo as the sum over its ranges and those that are gone. Each
/// geo of the listed ranges is present.
fn check_ranges(snapshot: &Snapshot, all: &[Sample], (geo_stem, range_stem): (&str, &str), kind: Kind) {
    let listed: BTreeSet<Geo> = snapshot.generation.ranges.iter().map(|range| range.geo).collect();
    for (part, value) in PARTS {
        let mut by_geo = BTreeMap::new();
        let mut by_range = BTreeMap::new();
        for iface in &snapshot.interfaces {
            let (ranges, gone) = kind(&snapshot.generation, iface);
            let zero = listed.iter().map(|geo| (*geo, 0));
            let counted = ranges.iter().map(|(range, count)| (range.geo, value(count)));
            let left = gone.iter().map(|(geo, count)| (*geo, value(count)));
            for (geo, number) in zero.chain(counted).chain(left) {
                let key = [iface.name.clone(), geo.code.to_string(), geo.source.as_str().to_owned()];
                *by_geo.entry(key).or_insert(0) += number;
            }
            for (range, count) in ranges.iter().filter(|_| snapshot.range_metrics) {
                let key = [iface.name.clone(), range.prefix.to_string(), range.geo.code.to_string()];
                by_range.insert(key, value(count));
            }
        }
        let name = format!("{geo_stem}_{part}_total");
        assert_eq!(family(all, &name, ["iface", "geo", "geo_source"]), by_geo, "{name}");
        let name = format!("{range_stem}_{part}_total");
        assert_eq!(family(all, &name, ["iface", "range", "geo"]), by_range, "{name}");
    }
}

fn check(snapshot: &Snapshot, all: &[Sample]) {
    check_ranges(snapshot, all, ("d365_smtp", "d365_range"), LISTED);
    check_ranges(snapshot, all, ("d365_retired_smtp", "d365_retired_range"), RETIRED);
    for (part, value) in PARTS {
        let unlisted = family(all, &format!("d365_unlisted_smtp_{part}_total"), ["iface"]);
        for iface in &snapshot.interfaces {
            assert_eq!(unlisted[std::slice::from_ref(&iface.name)], value(&iface.unlisted));
        }
    }
    let other = family(all, "d365_other_packets_total", ["iface", "reason"]);
    assert_eq!(other.len(), snapshot.interfaces.len() * REASONS.len());
    let attached = family(all, "d365_attached", ["iface", "mode"]);
    assert_eq!(attached.len(), snapshot.interfaces.len());
    let expected = snapshot.interfaces.iter().filter(|iface| iface.attached).count();
    assert_eq!(attached.values().sum::<u64>(), expected as u64);
    let reattached = family(all, "d365_reattached_total", ["iface"]);
    for iface in &snapshot.interfaces {
        assert_eq!(reattached[std::slice::from_ref(&iface.name)], iface.reattached);
        for (reason, packets) in &iface.other {
            assert_eq!(other[&[iface.name.clone(), (*reason).to_owned()]], *packets);
        }
    }
    let ranges = family(all, "d365_ranges", ["geo", "geo_source", "family"]);
    assert_eq!(ranges.values().sum::<u64>(), snapshot.generation.ranges.len() as u64);
    assert_eq!(family(all, "d365_range_metrics", [])[&[]], u64::from(snapshot.range_metrics));
    assert_eq!(family(all, "d365_interfaces_left_out", [])[&[]], snapshot.interfaces_left_out);
    let failures = snapshot.http_failures.iter().map(|(reason, number)| ([(*reason).to_owned()], *number));
    assert_eq!(family(all, "d365_http_failures_total", ["reason"]), failures.collect());
    assert_eq!(family(all, "d365_web_config_failures_total", [])[&[]], snapshot.web_config_failures);
    check_tags(snapshot, all);
    check_updates(snapshot, all);
}

fn check_tags(snapshot: &Snapshot, all: &[Sample]) {
    let of = |name: &str, tags: &[(&str, PacketAction)]| {
        let by_tag = family(all, name, ["iface", "tag"]);
        assert_eq!(by_tag.len(), tags.len() * snapshot.interfaces.len(), "{name}");
        for iface in &snapshot.interfaces {
            for (tag, action) in tags {
                let (_, packets) = iface.actions.iter().find(|(done, _)| done == action).unwrap();
                assert_eq!(by_tag[&[iface.name.clone(), (*tag).to_owned()]], *packets, "{name}");
            }
        }
    };
    of("d365_tagged_packets_total", &[("mark", PacketAction::Marked), ("dscp", PacketAction::DscpSet)]);
    of("d365_tag_failures_total", &[("dscp", PacketAction::DscpNotSet)]);
    of(
        "d365_tag_cleared_packets_total",
        &[("mark", PacketAction::MarkCleared), ("dscp", PacketAction::DscpCleared)],
    );
    let dropped = [
        (PacketAction::Dropped, family(all, "d365_unlisted_dropped_packets_total", ["iface"])),
        (PacketAction::HiddenDropped, family(all, "d365_hidden_dropped_packets_total", ["iface"])),
    ];
    let attached = family(all, "d365_tag_attached", ["iface"]);
    for iface in &snapshot.interfaces {
        for (action, dropped) in &dropped {
            let (_, packets) = iface.actions.iter().find(|(done, _)| done == action).unwrap();
            assert_eq!(dropped[std::slice::from_ref(&iface.name)], *packets);
        }
        let shown = attached.get(std::slice::from_ref(&iface.name)).copied();
        assert_eq!(shown, iface.tag_attached.map(u64::from));
    }
}

fn check_updates(snapshot: &Snapshot, all: &[Sample]) {
    let updates = &snapshot.updates;
    let numbers = |numbers: &[(&str, u64)]| {
        numbers.iter().map(|(label, number)| ([(*label).to_owned()], *number)).collect::<BTreeMap<_, _>>()
    };
    let retired = family(all, "d365_ranges_retired", []);
    assert_eq!(retired[&[]], snapshot.generation.retired.len() as u64);
    assert_eq!(family(all, "d365_ranges_pending", ["change"]), numbers(&updates.pending));
    assert_eq!(family(all, "d365_updates_refused_total", ["reason"]), numbers(&updates.refused));
    assert_eq!(family(all, "d365_state_failures_total", ["operation"]), numbers(&updates.state_failures));

    let sources = updates.sources.iter();
    let succeeded = sources.clone().filter_map(|source| Some(([source.name.clone()], source.last_success?)));
    let success = "d365_source_last_success_timestamp_seconds";
    assert_eq!(family(all, success, ["source"]), succeeded.collect());
    let failures = sources.flat_map(|source| {
        let key = |reason: &str| [source.name.clone(), reason.to_owned()];
        source.failures.iter().map(move |(reason, number)| (key(reason), *number))
    });
    assert_eq!(family(all, "d365_source_failures_total", ["source", "reason"]), failures.collect());

    let expiry = "d365_lease_expiry_timestamp_seconds";
    for source in &updates.sources {
        let is_its = |sample: &&Sample| sample.name == expiry && sample.labels["source"] == source.name;
        let value = &all.iter().find(is_its).unwrap().value;
        match source.lease {
            Lease::Unconfirmed => assert_eq!(value, "0"),
            Lease::Until(time) => assert_eq!(value.parse(), Ok(time)),
            Lease::Endless => assert_eq!(value.parse(), Ok(f64::INFINITY)),
        }
    }

    let azure = snapshot.azure.as_ref();
    let regions = azure.into_iter().flat_map(|azure| azure.connections.iter().cloned());
    let regions = regions.map(|(region, number)| ([region], number)).collect();
    assert_eq!(family(all, "d365_unlisted_azure_connections_total", ["region"]), regions);
    let lost = azure.map(|azure| ([], azure.lost)).into_iter().collect();
    assert_eq!(family(all, "d365_unlisted_azure_lost_total", []), lost);
}

proptest! {
    #[test]
    fn nothing_is_lost(snapshot in snapshot()) {
        let open = samples(&text(snapshot.clone(), Format::OpenMetrics));
        check(&snapshot, &open);
        prop_assert_eq!(samples(&text(snapshot, Format::Classic)), open);
    }
}
