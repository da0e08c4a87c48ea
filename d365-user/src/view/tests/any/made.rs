//! Any snapshot that the daemon could take.

use d365_common::packet_action::PacketAction;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use proptest::{collection, option, prelude::*};

use crate::{
    geo::{Geo, GeoCode, GeoSource},
    published::Lease,
    ranges::Range,
    snapshot::{
        Azure, Count, ExportStatus, Generation, Interface, Mode, Snapshot, SourceStatus, Updates, XdpMode,
    },
};

pub(super) const REASONS: [&str; 3] = ["other_port", "not_tcp", "malformed"];

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

fn mode() -> impl Strategy<Value = Mode> {
    prop::sample::select(vec![Mode::Xdp(XdpMode::Native), Mode::Xdp(XdpMode::Generic), Mode::Tc])
}

fn interface(name: String, ranges: usize, retired: usize) -> impl Strategy<Value = Interface> {
    let counts = move |ranges| (collection::vec(count(), ranges), collection::vec((geo(), count()), 0..3));
    let other = collection::vec(any::<u64>(), REASONS.len());
    let actions = collection::vec(any::<u64>(), PacketAction::ALL.len());
    let rest = (count(), other, actions, option::of(any::<bool>()), any::<u64>());
    (option::of(mode()), any::<bool>(), counts(ranges), counts(retired), rest).prop_map(
        move |(mode, attached, (ranges, gone), (retired, retired_gone), rest)| {
            let (unlisted, other, actions, tag_attached, reattached) = rest;
            Interface {
                name: name.clone(),
                mode,
                attached: attached && mode.is_some(),
                ranges,
                gone,
                retired,
                retired_gone,
                unlisted,
                other: REASONS.into_iter().zip(other).collect(),
                actions: PacketAction::ALL.into_iter().zip(actions).collect(),
                tag_attached,
                reattached,
            }
        },
    )
}

fn numbers() -> impl Strategy<Value = Vec<(&'static str, u64)>> {
    collection::vec(any::<u64>(), REASONS.len()).prop_map(|all| REASONS.into_iter().zip(all).collect())
}

fn updates() -> impl Strategy<Value = Updates> {
    let lease =
        prop_oneof![Just(Lease::Unconfirmed), any::<u64>().prop_map(Lease::Until), Just(Lease::Endless)];
    let source = (option::of(any::<u64>()), numbers(), lease);
    let sources = collection::btree_map(any::<String>(), source, 0..4).prop_map(|sources| {
        let sources = sources.into_iter();
        let source = |(name, (last_success, failures, lease))| SourceStatus {
            name,
            last_success,
            failures,
            lease,
            ..SourceStatus::default()
        };
        sources.map(source).collect()
    });
    let export = (option::of(any::<u64>()), numbers()).prop_map(|(last_success, failures)| ExportStatus {
        format: "plain",
        failures,
        last_success,
    });
    let exports = collection::vec(export, 0..2);
    (sources, numbers(), numbers(), numbers(), exports).prop_map(
        |(sources, pending, refused, state_failures, exports)| Updates {
            sources,
            pending,
            refused,
            state_failures,
            exports,
        },
    )
}

fn azure() -> impl Strategy<Value = Azure> {
    let connections = collection::btree_map(any::<String>(), any::<u64>(), 0..4);
    (connections, any::<u64>())
        .prop_map(|(connections, lost)| Azure { connections: connections.into_iter().collect(), lost })
}

fn generation() -> impl Strategy<Value = Generation> {
    let ranges = || {
        collection::btree_map(prefix(), geo(), 0..20).prop_map(|ranges| {
            ranges.into_iter().map(|(prefix, geo)| Range { prefix, geo, region: None }).collect::<Vec<_>>()
        })
    };
    (any::<u64>(), any::<String>(), option::of(any::<u64>()), ranges(), ranges()).prop_map(
        |(number, source, change_number, ranges, retired)| Generation {
            number,
            source,
            change_number,
            ranges,
            retired,
            ..Generation::default()
        },
    )
}

pub(super) fn snapshot() -> impl Strategy<Value = Snapshot> {
    // Any text as a name and as a source: escaped text must come back unchanged.
    let names = collection::btree_set(any::<String>(), 0..4);
    let http = (any::<bool>(), numbers(), any::<u64>(), any::<u64>());
    (generation(), names, updates(), option::of(azure()), http).prop_flat_map(
        |(
            generation,
            names,
            updates,
            azure,
            (range_metrics, http_failures, web_config_failures, left_out),
        )| {
            let (ranges, retired) = (generation.ranges.len(), generation.retired.len());
            let interfaces: Vec<_> = names.into_iter().map(|name| interface(name, ranges, retired)).collect();
            interfaces.prop_map(move |interfaces| Snapshot {
                generation: generation.clone(),
                interfaces,
                interfaces_left_out: left_out,
                updates: updates.clone(),
                azure: azure.clone(),
                range_metrics,
                http_failures: http_failures.clone(),
                web_config_failures,
                ..Snapshot::default()
            })
        },
    )
}
