//! The metrics as Prometheus' own checker reads them: `promtool check metrics` has nothing to say.

use std::{sync::Arc, time::Duration};

use d365_tests::{promtool, require};
use d365_user::{
    ranges::{Geo, GeoCode, GeoSource, Range},
    snapshot::{Attachment, Count, Generation, Interface, LinkKind, Mode, ProcessStats, Snapshot},
    view::{Format, metrics},
};

/// Of everything at least one, and a name that needs escaping.
fn snapshot() -> Snapshot {
    let range = |prefix: &str, code, source| Range {
        prefix: prefix.parse().expect("a prefix"),
        geo: Geo { code: GeoCode::new(code).expect("three letters"), source },
        region: None,
    };
    let count = Count { packets: 12, bytes: 3456, connections: 1 };
    let interface = |name: &str, attached, mode, link| Interface {
        name: name.to_owned(),
        attachment: Some(Attachment { mode, link }),
        attached,
        ranges: vec![count; 3],
        unlisted: count,
        other: vec![("other_port", 9), ("not_tcp", 0)],
        ..Interface::default()
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
            ..Generation::default()
        },
        interfaces: vec![
            interface("eth0", true, Mode::Native, LinkKind::BpfLink),
            interface("eth1", false, Mode::Generic, LinkKind::Netlink),
        ],
        listen: None,
        process: Some(ProcessStats {
            cpu: Duration::from_millis(1250),
            start: Duration::from_secs(1_700_000_000),
            resident_bytes: 1 << 23,
            virtual_bytes: 1 << 24,
            threads: 3,
            open_fds: Some(42),
            max_fds: Some(1024),
        }),
        ..Snapshot::default()
    }
}

#[test]
fn classic_text_is_clean() {
    require!(Tool("promtool"));
    let text = metrics(&Arc::new(snapshot()), Format::Classic).unwrap();
    assert_eq!(promtool::complaints(&text).unwrap(), "", "{text}");
    // That it looks at all:
    let wrong = "# HELP mail_packets Packets.\n# TYPE mail_packets counter\nmail_packets 1\n";
    assert_ne!(promtool::complaints(wrong).unwrap(), "");
}
