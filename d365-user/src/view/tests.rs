//! Tests of the exact text for a sample, and of any snapshot: no number is lost between it and its text.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use d365_common::packet_action::PacketAction;

use super::{Format, metrics};
use crate::{
    generation::TableSize,
    geo::{Geo, GeoCode, GeoSource},
    published::Lease,
    ranges::Range,
    snapshot::{
        Azure, Count, ExportStatus, Generation, Interface, Mode, ProcessStats, Snapshot, SourceStatus,
        Updates, XdpMode,
    },
    version::{REVISION, VERSION},
};

mod any;
mod parse;
mod tags;
mod updates;

fn geo(code: &str, source: GeoSource) -> Geo {
    Geo { code: GeoCode::new(code).unwrap(), source }
}

fn range(prefix: &str, code: &str, source: GeoSource) -> Range {
    Range { prefix: prefix.parse().unwrap(), geo: geo(code, source), region: None }
}

fn source(name: &str, last_success: Option<u64>, failures: &[(&'static str, u64)]) -> SourceStatus {
    let lease = last_success.map_or(Lease::Unconfirmed, |time| Lease::Until(time + 14 * 86_400));
    SourceStatus {
        name: name.to_owned(),
        last_success,
        failures: failures.to_vec(),
        lease,
        ..SourceStatus::default()
    }
}

fn count(packets: u64, bytes: u64, connections: u64) -> Count {
    Count { packets, bytes, connections }
}

/// 2026-11-24T00:00:00Z.
pub(crate) fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_478_400)
}

/// One interface; three ranges, two of them of the same geo; one retired, and one that was retired and is
/// gone.
pub(crate) fn sample() -> Snapshot {
    Snapshot {
        generation: Generation {
            number: 1,
            source: "embedded".to_owned(),
            change_number: Some(39),
            digest: "ab12".to_owned(),
            ranges: vec![
                range("192.0.2.0/26", "NAM", GeoSource::Documented),
                range("2001:db8::/48", "KOR", GeoSource::Inferred),
                range("192.0.2.64/26", "NAM", GeoSource::Documented),
            ],
            retired: vec![range("198.51.100.0/24", "EUR", GeoSource::Documented)],
            ..Generation::default()
        },
        table: TableSize { pages: 2, trie_blocks: 1 },
        interfaces: vec![Interface {
            name: "eth0".to_owned(),
            mode: Some(Mode::Xdp(XdpMode::Native)),
            attached: true,
            ranges: vec![count(10, 1000, 1), count(0, 0, 0), count(5, 500, 2)],
            retired: vec![count(4, 400, 1)],
            retired_gone: vec![(geo("NAM", GeoSource::Documented), count(6, 600, 2))],
            unlisted: count(7, 420, 3),
            other: vec![("other_port", 9), ("not_tcp", 0)],
            actions: PacketAction::ALL.into_iter().zip(1..).collect(),
            tag_attached: Some(true),
            ..Interface::default()
        }],
        updates: Updates {
            sources: vec![
                source("azure", Some(1_795_543_200), &[("timeout", 2), ("html", 0)]),
                source("file:/etc/list", None, &[("missing", 1)]),
            ],
            pending: vec![("addition", 3), ("removal", 1), ("geo", 0)],
            refused: vec![("shrink", 0), ("proof", 1)],
            state_failures: vec![("write", 0)],
            exports: vec![ExportStatus {
                format: "plain",
                failures: vec![("full", 2), ("io", 0)],
                last_success: Some(1_795_543_201),
            }],
        },
        azure: Some(Azure { connections: vec![("westus2".to_owned(), 8)], lost: 1 }),
        range_metrics: true,
        interfaces_left_out: 2,
        http_failures: vec![("accept", 0), ("host", 2)],
        web_config_failures: 3,
        process: Some(ProcessStats {
            cpu: Duration::from_millis(1250),
            start: Duration::from_millis(1_700_000_000_500),
            resident_bytes: 8_388_608,
            virtual_bytes: 16_777_216,
            threads: 3,
            open_fds: Some(42),
            max_fds: None,
        }),
    }
}

fn text(snapshot: Snapshot, format: Format) -> String {
    metrics(&Arc::new(snapshot), format).unwrap()
}

#[test]
fn openmetrics() {
    let expected = include_str!("tests/openmetrics.txt");
    let expected = expected.replace("\"VERSION\"", &format!("{VERSION:?}"));
    let expected = expected.replace("\"REVISION\"", &format!("{REVISION:?}"));
    assert_eq!(text(sample(), Format::OpenMetrics), expected);
}

#[test]
fn classic() {
    let classic = text(sample(), Format::Classic);
    let start = r#"# HELP d365_smtp_packets_total Packets to the watched ports from listed ranges, by the sender's geo.
# TYPE d365_smtp_packets_total counter
d365_smtp_packets_total{iface="eth0",geo="KOR",geo_source="inferred"} 0
d365_smtp_packets_total{iface="eth0",geo="NAM",geo_source="documented"} 15
# HELP d365_smtp_bytes_total Bytes (whole frames, link-layer header included) to the watched ports from listed ranges, by the sender's geo.
# TYPE d365_smtp_bytes_total counter
d365_smtp_bytes_total{iface="eth0",geo="KOR",geo_source="inferred"} 0
"#;
    assert!(classic.starts_with(start), "{classic}");
    for lines in [
        "# TYPE d365_generation gauge\nd365_generation 1\n",
        "# TYPE d365_build_info gauge\nd365_build_info{",
        "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 1.25\n",
    ] {
        assert!(classic.contains(lines), "{lines} is missing in:\n{classic}");
    }
    assert!(!classic.contains("# UNIT") && !classic.contains("# EOF"), "{classic}");
}

#[test]
fn a_lost_attachment_keeps_its_labels_and_reads_0() {
    let mut snapshot = sample();
    snapshot.interfaces[0].attached = false;
    let lost = text(snapshot.clone(), Format::Classic);
    assert!(lost.contains("\nd365_attached{iface=\"eth0\",mode=\"native\"} 0\n"), "{lost}");
    snapshot.interfaces[0].mode = None;
    let never = text(snapshot, Format::Classic);
    assert!(never.contains("\nd365_attached{iface=\"eth0\",mode=\"none\"} 0\n"), "{never}");
}

#[test]
fn ranges_can_be_left_out_and_geos_stay() {
    let shown = text(sample(), Format::Classic);
    let left_out = text(Snapshot { range_metrics: false, ..sample() }, Format::Classic);
    assert!(left_out.contains("\nd365_range_metrics 0\n"), "{left_out}");
    let is_of_a_range = |line: &&str| line.contains("_range_") && !line.contains("d365_range_metrics");
    assert_eq!(left_out.lines().filter(is_of_a_range).count(), 0, "{left_out}");
    let rest = shown.replace("\nd365_range_metrics 1\n", "\nd365_range_metrics 0\n");
    assert!(rest.lines().filter(|line| !is_of_a_range(line)).eq(left_out.lines()), "{left_out}");
}

#[test]
fn before_the_first_generation() {
    let text = text(Snapshot::default(), Format::OpenMetrics);
    assert!(text.contains("\nd365_generation 0\n"), "{text}");
    assert!(!text.contains("\nd365_generation_info{"), "{text}");
    assert!(text.ends_with("\n# EOF\n"), "{text}");
}

#[test]
fn label_values_are_escaped() {
    let mut snapshot = sample();
    snapshot.generation.source = "file:/a\\b\"c\nd".to_owned();
    for format in [Format::OpenMetrics, Format::Classic] {
        let text = text(snapshot.clone(), format);
        assert!(text.contains(r#"{source="file:/a\\b\"c\nd",change_number="39","#), "{text}");
    }
}
