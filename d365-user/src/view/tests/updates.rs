//! Tests of the texts about updates in states other than the sample's.

use super::{Format, now, sample, summary, text};
use crate::snapshot::{Lease, Snapshot, SourceStatus, Updates};

fn with(lease: Lease) -> Snapshot {
    let sources = vec![SourceStatus { name: "azure".to_owned(), lease, ..SourceStatus::default() }];
    Snapshot { updates: Updates { sources, ..Updates::default() }, ..Snapshot::default() }
}

/// The sample of the lease, and its line in the summary.
fn lease(lease: Lease) -> (String, String) {
    let metrics = text(with(lease), Format::Classic);
    let mut samples = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("d365_lease_expiry_timestamp_seconds{source=\"azure\"} "));
    let (Some(value), None) = (samples.next(), samples.next()) else { panic!("{metrics}") };
    let lines = summary(&with(lease), now());
    let mut lines = lines.into_iter().filter(|line| line.starts_with("leases: "));
    let (Some(line), None) = (lines.next(), lines.next()) else { panic!("{lease:?}") };
    (value.to_owned(), line)
}

#[test]
fn a_lease_has_an_end_or_none() {
    let said = |value: &str, line: &str| (value.to_owned(), line.to_owned());
    let none = said("0", "leases: azure not confirmed yet");
    assert_eq!(lease(Lease::Unconfirmed), none);
    // Both formats, and Rust, read `inf` as +Inf.
    assert_eq!(lease(Lease::Endless), said("inf", "leases: azure without an end"));
    let last = said("253402300799", "leases: azure until 9999-12-31T23:59:59Z");
    assert_eq!(lease(Lease::Until(253_402_300_799)), last);
    let line = "leases: azure until a year after 9999";
    assert_eq!(lease(Lease::Until(253_402_300_800)), said("253402300800", line));
    assert_eq!(lease(Lease::Until(u64::MAX)), said("18446744073709551615", line));
    let line = "leases: azure until 2026-11-24T00:00:01Z";
    assert_eq!(lease(Lease::Until(1_795_478_401)), said("1795478401", line));
    let line = "leases: azure ended at 2026-11-24T00:00:00Z";
    assert_eq!(lease(Lease::Until(1_795_478_400)), said("1795478400", line), "as the kernel has it");
}

#[test]
fn what_does_not_wait_is_not_in_the_summary() {
    let mut snapshot = sample();
    snapshot.generation.retired.clear();
    snapshot.updates.pending.iter_mut().for_each(|(_, number)| *number = 0);
    let lines = summary(&snapshot, now()).join("\n");
    assert!(!lines.contains("retired") && !lines.contains("pending"), "{lines}");
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
