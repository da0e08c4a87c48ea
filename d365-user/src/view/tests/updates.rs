//! Tests of the metrics of updates in states other than the sample's.

use super::{Format, sample, text};
use crate::{
    published::Lease,
    snapshot::{Snapshot, SourceStatus, Updates},
};

fn with(lease: Lease) -> Snapshot {
    let sources = vec![SourceStatus { name: "azure".to_owned(), lease, ..SourceStatus::default() }];
    Snapshot { updates: Updates { sources, ..Updates::default() }, ..Snapshot::default() }
}

#[test]
fn a_lease_has_an_end_or_none() {
    for (lease, value) in [
        (Lease::Unconfirmed, "0"),
        // Both formats, and Rust, read `inf` as +Inf.
        (Lease::Endless, "inf"),
        (Lease::Until(253_402_300_799), "253402300799"),
        (Lease::Until(u64::MAX), "18446744073709551615"),
        (Lease::Until(1_795_478_400), "1795478400"),
    ] {
        let metrics = text(with(lease), Format::Classic);
        let samples = metrics
            .lines()
            .filter_map(|line| line.strip_prefix("d365_lease_expiry_timestamp_seconds{source=\"azure\"} "));
        assert_eq!(samples.collect::<Vec<_>>(), [value], "{metrics}");
    }
}

#[test]
fn what_does_not_wait_is_zero() {
    let mut snapshot = sample();
    snapshot.generation.retired.clear();
    snapshot.updates.pending.iter_mut().for_each(|(_, number)| *number = 0);
    let metrics = text(snapshot, Format::Classic);
    assert!(metrics.contains("\nd365_ranges_retired 0\n"), "{metrics}");
    assert!(metrics.contains("\nd365_ranges_pending{change=\"addition\"} 0\n"), "{metrics}");
}

#[test]
fn azure_is_there_when_it_is_watched() {
    let mut snapshot = sample();
    assert!(text(snapshot.clone(), Format::OpenMetrics).contains("d365_unlisted_azure"));
    snapshot.azure = None;
    let unwatched = text(snapshot, Format::OpenMetrics);
    assert!(!unwatched.contains("d365_unlisted_azure"), "{unwatched}");
}

/// The series exists before its first packet, so that rates and alerts know it.
#[test]
fn every_geo_has_a_retired_series_from_the_start() {
    let mut snapshot = sample();
    snapshot.generation.retired.clear();
    snapshot.interfaces[0].retired.clear();
    snapshot.interfaces[0].retired_gone.clear();
    let text = text(snapshot, Format::Classic);
    for labels in [r#"geo="KOR",geo_source="inferred""#, r#"geo="NAM",geo_source="documented""#] {
        let line = format!("\nd365_retired_smtp_packets_total{{iface=\"eth0\",{labels}}} 0\n");
        assert!(text.contains(&line), "{line} is missing in:\n{text}");
    }
    assert!(!text.contains("d365_retired_range_packets_total{"), "{text}");
}
