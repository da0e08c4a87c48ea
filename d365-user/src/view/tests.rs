//! The exact text for a sample, and that nothing is lost between any snapshot and its text.

use std::{sync::Arc, time::Duration};

use super::{Format, metrics, summary};
use crate::{
    ranges::{Geo, GeoCode, GeoSource, Range},
    snapshot::{Attachment, Count, Generation, Interface, LinkKind, Mode, ProcessStats, Snapshot},
    version::{REVISION, VERSION},
};

mod any;
mod parse;

fn range(prefix: &str, code: &str, source: GeoSource) -> Range {
    let geo = Geo { code: GeoCode::new(code).unwrap(), source };
    Range { prefix: prefix.parse().unwrap(), geo, region: None }
}

fn count(packets: u64, bytes: u64, connections: u64) -> Count {
    Count { packets, bytes, connections }
}

/// One interface, three ranges, two of them of the same geo.
fn sample() -> Snapshot {
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
            ..Generation::default()
        },
        interfaces: vec![Interface {
            name: "eth0".to_owned(),
            attachment: Some(Attachment { mode: Mode::Native, link: LinkKind::BpfLink }),
            attached: true,
            ranges: vec![count(10, 1000, 1), count(0, 0, 0), count(5, 500, 2)],
            unlisted: count(7, 420, 3),
            other: vec![("other_port", 9), ("not_tcp", 0)],
            ..Interface::default()
        }],
        listen: Some("[::1]:9365".parse().unwrap()),
        process: Some(ProcessStats {
            cpu: Duration::from_millis(1250),
            start: Duration::from_millis(1_700_000_000_500),
            resident_bytes: 8_388_608,
            virtual_bytes: 16_777_216,
            threads: 3,
            open_fds: Some(42),
            max_fds: None,
        }),
        ..Snapshot::default()
    }
}

fn text(snapshot: Snapshot, format: Format) -> String {
    metrics(&Arc::new(snapshot), format).unwrap()
}

#[test]
fn openmetrics() {
    let expected = r#"# HELP d365_smtp_packets Packets to the watched ports from listed ranges, by geo.
# TYPE d365_smtp_packets counter
d365_smtp_packets_total{iface="eth0",geo="KOR",geo_source="inferred"} 0
d365_smtp_packets_total{iface="eth0",geo="NAM",geo_source="documented"} 15
# HELP d365_smtp_bytes Bytes (whole frames, link-layer header included) to the watched ports from listed ranges, by geo.
# TYPE d365_smtp_bytes counter
# UNIT d365_smtp_bytes bytes
d365_smtp_bytes_total{iface="eth0",geo="KOR",geo_source="inferred"} 0
d365_smtp_bytes_total{iface="eth0",geo="NAM",geo_source="documented"} 1500
# HELP d365_smtp_connections New connections (SYN without ACK) to the watched ports from listed ranges, by geo.
# TYPE d365_smtp_connections counter
d365_smtp_connections_total{iface="eth0",geo="KOR",geo_source="inferred"} 0
d365_smtp_connections_total{iface="eth0",geo="NAM",geo_source="documented"} 3
# HELP d365_range_packets Packets to the watched ports from a listed range.
# TYPE d365_range_packets counter
d365_range_packets_total{iface="eth0",range="192.0.2.0/26",geo="NAM"} 10
d365_range_packets_total{iface="eth0",range="2001:db8::/48",geo="KOR"} 0
d365_range_packets_total{iface="eth0",range="192.0.2.64/26",geo="NAM"} 5
# HELP d365_range_bytes Bytes (whole frames, link-layer header included) to the watched ports from a listed range.
# TYPE d365_range_bytes counter
# UNIT d365_range_bytes bytes
d365_range_bytes_total{iface="eth0",range="192.0.2.0/26",geo="NAM"} 1000
d365_range_bytes_total{iface="eth0",range="2001:db8::/48",geo="KOR"} 0
d365_range_bytes_total{iface="eth0",range="192.0.2.64/26",geo="NAM"} 500
# HELP d365_range_connections New connections (SYN without ACK) to the watched ports from a listed range.
# TYPE d365_range_connections counter
d365_range_connections_total{iface="eth0",range="192.0.2.0/26",geo="NAM"} 1
d365_range_connections_total{iface="eth0",range="2001:db8::/48",geo="KOR"} 0
d365_range_connections_total{iface="eth0",range="192.0.2.64/26",geo="NAM"} 2
# HELP d365_unlisted_smtp_packets Packets to the watched ports, from sources in no range.
# TYPE d365_unlisted_smtp_packets counter
d365_unlisted_smtp_packets_total{iface="eth0"} 7
# HELP d365_unlisted_smtp_bytes Bytes (whole frames, link-layer header included) to the watched ports, from sources in no range.
# TYPE d365_unlisted_smtp_bytes counter
# UNIT d365_unlisted_smtp_bytes bytes
d365_unlisted_smtp_bytes_total{iface="eth0"} 420
# HELP d365_unlisted_smtp_connections New connections (SYN without ACK) to the watched ports, from sources in no range.
# TYPE d365_unlisted_smtp_connections counter
d365_unlisted_smtp_connections_total{iface="eth0"} 3
# HELP d365_other_packets Packets that are not TCP to a watched port, or cannot be told, by reason; all are passed.
# TYPE d365_other_packets counter
d365_other_packets_total{iface="eth0",reason="other_port"} 9
d365_other_packets_total{iface="eth0",reason="not_tcp"} 0
# HELP d365_ranges Ranges of the published generation, by geo and address family.
# TYPE d365_ranges gauge
d365_ranges{geo="KOR",geo_source="inferred",family="ipv4"} 0
d365_ranges{geo="KOR",geo_source="inferred",family="ipv6"} 1
d365_ranges{geo="NAM",geo_source="documented",family="ipv4"} 2
d365_ranges{geo="NAM",geo_source="documented",family="ipv6"} 0
# HELP d365_generation Number of the published generation (compiled range list); 0 before the first.
# TYPE d365_generation gauge
d365_generation 1
# HELP d365_generation_info Where the published generation comes from; always 1.
# TYPE d365_generation_info gauge
d365_generation_info{source="embedded",change_number="39",digest="ab12"} 1
# HELP d365_attached 1 while the program is attached to the interface, else 0; mode and link are the last known, none before the first attachment.
# TYPE d365_attached gauge
d365_attached{iface="eth0",mode="native",link="bpf_link"} 1
# HELP d365_build The running build: version and commit.
# TYPE d365_build info
d365_build_info{version="VERSION",revision="REVISION"} 1
# HELP process_cpu_seconds User and system CPU time spent.
# TYPE process_cpu_seconds counter
# UNIT process_cpu_seconds seconds
process_cpu_seconds_total 1.25
# HELP process_start_time_seconds Start of the process since the Unix epoch.
# TYPE process_start_time_seconds gauge
# UNIT process_start_time_seconds seconds
process_start_time_seconds 1700000000.5
# HELP process_resident_memory_bytes Resident memory size.
# TYPE process_resident_memory_bytes gauge
# UNIT process_resident_memory_bytes bytes
process_resident_memory_bytes 8388608
# HELP process_virtual_memory_bytes Virtual memory size.
# TYPE process_virtual_memory_bytes gauge
# UNIT process_virtual_memory_bytes bytes
process_virtual_memory_bytes 16777216
# HELP process_threads Threads.
# TYPE process_threads gauge
process_threads 3
# HELP process_open_fds Open file descriptors.
# TYPE process_open_fds gauge
process_open_fds 42
# EOF
"#;
    let expected = expected.replace("\"VERSION\"", &format!("{VERSION:?}"));
    let expected = expected.replace("\"REVISION\"", &format!("{REVISION:?}"));
    assert_eq!(text(sample(), Format::OpenMetrics), expected);
}

#[test]
fn classic() {
    let classic = text(sample(), Format::Classic);
    let start = r#"# HELP d365_smtp_packets_total Packets to the watched ports from listed ranges, by geo.
# TYPE d365_smtp_packets_total counter
d365_smtp_packets_total{iface="eth0",geo="KOR",geo_source="inferred"} 0
d365_smtp_packets_total{iface="eth0",geo="NAM",geo_source="documented"} 15
# HELP d365_smtp_bytes_total Bytes (whole frames, link-layer header included) to the watched ports from listed ranges, by geo.
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
    assert!(lost.contains("\nd365_attached{iface=\"eth0\",mode=\"native\",link=\"bpf_link\"} 0\n"), "{lost}");
    snapshot.interfaces[0].attachment = None;
    let never = text(snapshot, Format::Classic);
    assert!(never.contains("\nd365_attached{iface=\"eth0\",mode=\"none\",link=\"none\"} 0\n"), "{never}");
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

#[test]
fn the_summary_says_what_where_and_how() {
    let mut snapshot = sample();
    snapshot.interfaces.push(Interface {
        name: "eth1".to_owned(),
        attached: false,
        ..snapshot.interfaces[0].clone()
    });
    assert_eq!(
        summary(&snapshot),
        [
            "generation 1: 3 ranges (IPv4 2, IPv6 1) from embedded, change number 39",
            "geos documented: NAM 2; inferred: KOR 1",
            "eth0: attached, mode native, link bpf_link",
            "eth1: not attached",
            "metrics: http://[::1]:9365/metrics",
        ]
    );
}
