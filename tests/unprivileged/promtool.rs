//! `promtool check metrics`, Prometheus' own checker, has no complaint about the metrics.

use std::{sync::Arc, time::Duration};

use d365_common::{dscp::Dscp, mark::Mark, packet_action::PacketAction};
use d365_tests::{promtool, require};
use d365_user::{
    geo::{Geo, GeoCode, GeoSource},
    ranges::Range,
    settings::Tags,
    snapshot::{
        Attachment, Azure, Count, Drops, Generation, Interface, Lease, LinkKind, Mode, ProcessStats,
        Snapshot, SourceStatus, Updates,
    },
    view::{Format, metrics},
};

/// At least one value of every metric, and a name that needs escaping.
fn snapshot() -> Snapshot {
    let geo = |code: &str, source| Geo { code: GeoCode::new(code).expect("three letters"), source };
    let range = |prefix: &str, code: &str, source| Range {
        prefix: prefix.parse().expect("a prefix"),
        geo: geo(code, source),
        region: None,
    };
    let count = Count { packets: 12, bytes: 3456, connections: 1 };
    let interface = |name: &str, attached, mode, link| Interface {
        name: name.to_owned(),
        attachment: Some(Attachment { mode, link }),
        attached,
        ranges: vec![count; 3],
        carried: Vec::new(),
        retired: vec![count],
        retired_carried: vec![(geo("NAM", GeoSource::Documented), count)],
        unlisted: count,
        other: vec![("other_port", 9), ("not_tcp", 0)],
        actions: PacketAction::ALL.into_iter().zip(1..).collect(),
        tag_attached: Some(false),
    };
    let source = |name: &str, last_success, lease| SourceStatus {
        name: name.to_owned(),
        is_left_out: false,
        last_success,
        failures: vec![("timeout", 2), ("html", 0)],
        lease,
    };
    Snapshot {
        generation: Generation {
            number: 1,
            source: "embedded,file:/tmp/a\\b\"c".to_owned(),
            change_number: Some(39),
            digest: "ab12".to_owned(),
            ranges: vec![
                range("192.0.2.0/26", "NAM", GeoSource::Documented),
                range("192.0.2.64/26", "NAM", GeoSource::Inferred),
                range("2001:db8::/48", "ZZZ", GeoSource::Unknown),
            ],
            retired: vec![range("198.51.100.0/24", "EUR", GeoSource::Documented)],
        },
        interfaces: vec![
            interface("eth0", true, Mode::Native, LinkKind::BpfLink),
            interface("eth1", false, Mode::Generic, LinkKind::Netlink),
        ],
        updates: Updates {
            sources: vec![
                source("azure", Some(1_795_543_200), Lease::Until(1_796_752_800)),
                source("file:/tmp/a\\b\"c", None, Lease::Unconfirmed),
                source("embedded", None, Lease::Endless),
            ],
            pending: vec![("addition", 3), ("removal", 0)],
            refused: vec![("proof", 1), ("shrink", 0)],
            state_failures: vec![("write", 0)],
        },
        table: d365_user::generation::TableSize::default(),
        azure: Some(Azure { connections: vec![("westus2".to_owned(), 8)], lost: 1 }),
        tags: Tags { mark: Some(Mark::DEFAULT), dscp: Some(Dscp::DEFAULT), retired: true, ..Tags::default() },
        drops: Some(Drops { ports: vec![25], failsafe: vec!["::1/128".parse().expect("a prefix")] }),
        listen: None,
        range_metrics: true,
        http_failures: vec![("accept", 1), ("scrape", 0)],
        process: Some(ProcessStats {
            cpu: Duration::from_millis(1250),
            start: Duration::from_secs(1_700_000_000),
            resident_bytes: 1 << 23,
            virtual_bytes: 1 << 24,
            threads: 3,
            open_fds: Some(42),
            max_fds: Some(1024),
        }),
    }
}

#[test]
fn classic_text_is_clean() {
    require!(Tool("promtool"));
    let text = metrics(&Arc::new(snapshot()), Format::Classic).unwrap();
    assert_eq!(promtool::complaints(&text).unwrap(), "", "{text}");
    // The output of a daemon without any data is clean too.
    let text = metrics(&Arc::new(Snapshot::default()), Format::Classic).unwrap();
    assert_eq!(promtool::complaints(&text).unwrap(), "", "{text}");
    // `promtool` does complain about wrong text.
    let wrong = "# HELP mail_packets Packets.\n# TYPE mail_packets counter\nmail_packets 1\n";
    assert_ne!(promtool::complaints(wrong).unwrap(), "");
}
