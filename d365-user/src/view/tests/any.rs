//! Whatever the snapshot: each number that went in can be read from the text, once, and the geos'
//! sums are the ranges' sums.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use proptest::{collection, option, prelude::*};

use super::{
    Format,
    parse::{Sample, samples},
    text,
};
use crate::{
    ranges::{Geo, GeoCode, GeoSource, Range},
    snapshot::{Attachment, Count, Generation, Interface, LinkKind, Mode, Snapshot},
};

const REASONS: [&str; 3] = ["other_port", "not_tcp", "malformed"];

fn count() -> impl Strategy<Value = Count> {
    // 64 such counts do not add up to 2^64.
    let number = 0..u64::MAX >> 6;
    (number.clone(), number.clone(), number).prop_map(|(packets, bytes, connections)| Count {
        packets,
        bytes,
        connections,
    })
}

fn geo() -> impl Strategy<Value = Geo> {
    use GeoSource::{Configured, Documented, Inferred, Unknown};
    let source = prop::sample::select(vec![Documented, Inferred, Configured, Unknown]);
    ("[A-C]{3}", source).prop_map(|(code, source)| Geo { code: GeoCode::new(&code).unwrap(), source })
}

fn prefix() -> impl Strategy<Value = IpNet> {
    prop_oneof![
        (any::<u32>(), 8..=32_u8).prop_map(|(address, length)| {
            IpNet::from(Ipv4Net::new(address.into(), length).unwrap()).trunc()
        }),
        (any::<u128>(), 19..=128_u8).prop_map(|(address, length)| {
            IpNet::from(Ipv6Net::new(address.into(), length).unwrap()).trunc()
        }),
    ]
}

fn attachment() -> impl Strategy<Value = Attachment> {
    let mode = prop::sample::select(vec![Mode::Native, Mode::Generic]);
    let link = prop::sample::select(vec![LinkKind::BpfLink, LinkKind::Netlink]);
    (mode, link).prop_map(|(mode, link)| Attachment { mode, link })
}

fn interface(name: String, ranges: usize) -> impl Strategy<Value = Interface> {
    let counts = collection::vec(count(), ranges);
    let other = collection::vec(any::<u64>(), REASONS.len());
    let carried = collection::vec((geo(), count()), 0..3);
    (option::of(attachment()), any::<bool>(), counts, carried, count(), other).prop_map(
        move |(attachment, attached, ranges, carried, unlisted, other)| Interface {
            name: name.clone(),
            attachment,
            attached: attached && attachment.is_some(),
            ranges,
            carried,
            unlisted,
            other: REASONS.into_iter().zip(other).collect(),
            ..Interface::default()
        },
    )
}

fn snapshot() -> impl Strategy<Value = Snapshot> {
    let ranges = collection::btree_map(prefix(), geo(), 0..20);
    // Any text as a name and as a source: what is escaped must come back.
    let names = collection::btree_set(any::<String>(), 0..4);
    (ranges, names, any::<u64>(), any::<String>(), option::of(any::<u64>())).prop_flat_map(
        |(ranges, names, number, source, change_number)| {
            let ranges: Vec<_> =
                ranges.into_iter().map(|(prefix, geo)| Range { prefix, geo, region: None }).collect();
            let interfaces: Vec<_> = names.into_iter().map(|name| interface(name, ranges.len())).collect();
            let generation = Generation { number, source, change_number, ranges, ..Generation::default() };
            interfaces.prop_map(move |interfaces| Snapshot {
                generation: generation.clone(),
                interfaces,
                ..Snapshot::default()
            })
        },
    )
}

/// The samples of `name`: the values of `labels`, and the value.
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

/// The geos of the generation, and those that ranges which are gone left counts to.
fn geos_of(geos: &BTreeSet<Geo>, iface: &Interface) -> BTreeSet<Geo> {
    geos.iter().copied().chain(iface.carried.iter().map(|(geo, _)| *geo)).collect()
}

fn check(snapshot: &Snapshot, all: &[Sample]) {
    let geos: BTreeSet<Geo> = snapshot.generation.ranges.iter().map(|range| range.geo).collect();
    for (part, value) in PARTS {
        let by_geo = family(all, &format!("d365_smtp_{part}_total"), ["iface", "geo", "geo_source"]);
        let by_range = family(all, &format!("d365_range_{part}_total"), ["iface", "range", "geo"]);
        let unlisted = family(all, &format!("d365_unlisted_smtp_{part}_total"), ["iface"]);
        let series = |iface: &Interface| geos_of(&geos, iface).len();
        assert_eq!(by_geo.len(), snapshot.interfaces.iter().map(series).sum::<usize>());
        assert_eq!(by_range.len(), snapshot.interfaces.len() * snapshot.generation.ranges.len());
        for iface in &snapshot.interfaces {
            let name = || iface.name.clone();
            assert_eq!(unlisted[&[name()]], value(&iface.unlisted));
            for (range, count) in snapshot.generation.ranges.iter().zip(&iface.ranges) {
                let key = [name(), range.prefix.to_string(), range.geo.code.to_string()];
                assert_eq!(by_range[&key], value(count));
            }
            for geo in &geos_of(&geos, iface) {
                let gone = iface.carried.iter().filter(|(own, _)| own == geo).map(|(_, count)| value(count));
                let of_geo = snapshot
                    .generation
                    .ranges
                    .iter()
                    .zip(&iface.ranges)
                    .filter(|(range, _)| range.geo == *geo);
                let key = [name(), geo.code.to_string(), geo.source.as_str().to_owned()];
                assert_eq!(by_geo[&key], of_geo.map(|(_, count)| value(count)).chain(gone).sum::<u64>());
            }
        }
    }
    let other = family(all, "d365_other_packets_total", ["iface", "reason"]);
    assert_eq!(other.len(), snapshot.interfaces.len() * REASONS.len());
    let attached = family(all, "d365_attached", ["iface", "mode", "link"]);
    assert_eq!(attached.len(), snapshot.interfaces.len());
    let expected = snapshot.interfaces.iter().filter(|iface| iface.attached).count();
    assert_eq!(attached.values().sum::<u64>(), expected as u64);
    for iface in &snapshot.interfaces {
        for (reason, packets) in &iface.other {
            assert_eq!(other[&[iface.name.clone(), (*reason).to_owned()]], *packets);
        }
    }
    let ranges = family(all, "d365_ranges", ["geo", "geo_source", "family"]);
    assert_eq!(ranges.values().sum::<u64>(), snapshot.generation.ranges.len() as u64);
}

proptest! {
    #[test]
    fn nothing_is_lost(snapshot in snapshot()) {
        let open = samples(&text(snapshot.clone(), Format::OpenMetrics));
        check(&snapshot, &open);
        prop_assert_eq!(samples(&text(snapshot, Format::Classic)), open);
    }
}
