//! Tests of the choice of ranges and of the comment.

use super::*;
use crate::{
    export::{FORMATS, Family},
    geo::{Geo, GeoCode, GeoSource},
    published::PublishedSource,
};

/// Between the ends of the two sources' leases.
pub(crate) const NOW: u64 = 1_795_500_000;

fn range(prefix: &str, code: &str, sources: &[usize]) -> PublishedRange {
    let geo = Geo { code: GeoCode::new(code).unwrap(), source: GeoSource::Documented };
    PublishedRange { prefix: prefix.parse().unwrap(), geo, region: None, sources: sources.to_vec() }
}

/// Both families, a range inside another, two neighbours, and a retired range. The lease of the second source
/// has ended at [`NOW`].
pub(crate) fn sample() -> PublishedList {
    let source = |name: &str, lease| PublishedSource { name: name.to_owned(), lease, ..Default::default() };
    let mut azure = source("azure", Lease::Until(1_796_000_000));
    azure.date = Some("2026-11-24".to_owned());
    PublishedList {
        generation: 3,
        digest: "ab12".to_owned(),
        published: 1_795_478_400,
        sources: vec![azure, source("file:/etc/d\n365", Lease::Until(1_795_478_401))],
        ranges: vec![
            range("192.0.2.0/25", "NAM", &[0, 1]),
            range("192.0.2.16/28", "NAM", &[0]),
            range("192.0.2.128/25", "EUR", &[1]),
            range("198.51.100.7/32", "EUR", &[1]),
            range("2001:db8::/47", "KOR", &[0]),
        ],
        retired: vec![range("203.0.113.0/24", "NAM", &[0])],
        ..PublishedList::default()
    }
}

fn prefixes(selection: &Selection) -> Result<Vec<String>, ExportError> {
    let export = Export::new(&sample(), selection, "plain", NOW)?;
    Ok(export.ranges().map(|range| range.prefix.to_string()).collect())
}

#[test]
fn a_selection_is_by_geo_and_family_and_retired_ranges_come_when_asked_for() {
    let of = |geo: &str| GeoCode::new(geo).unwrap();
    let all = ["192.0.2.0/25", "192.0.2.16/28", "192.0.2.128/25", "198.51.100.7/32", "2001:db8::/47"];
    assert_eq!(prefixes(&Selection::default()).unwrap(), all);
    let selection = Selection { geos: vec![of("NAM")], include_retired: true, ..Selection::default() };
    assert_eq!(prefixes(&selection).unwrap(), ["192.0.2.0/25", "192.0.2.16/28", "203.0.113.0/24"]);
    let selection = Selection { family: Some(Family::V6), ..Selection::default() };
    assert_eq!(prefixes(&selection).unwrap(), ["2001:db8::/47"]);
    let selection = Selection { geos: vec![of("EUR")], family: Some(Family::V6), ..Selection::default() };
    assert_eq!(prefixes(&selection), Err(ExportError::Empty));
}

#[test]
fn a_range_is_trusted_as_long_as_one_of_its_sources() {
    let on_lapse = |on_lapse| Selection { on_lapse, ..Selection::default() };
    assert_eq!(prefixes(&on_lapse(OnLapse::Keep)).unwrap().len(), 5);
    assert_eq!(prefixes(&on_lapse(OnLapse::Fail)), Err(ExportError::Lapsed { count: 2, all: 5 }));
    let trusted = ["192.0.2.0/25", "192.0.2.16/28", "2001:db8::/47"];
    assert_eq!(prefixes(&on_lapse(OnLapse::Empty)).unwrap(), trusted);
}

#[test]
fn an_empty_export_is_made_for_an_ended_lease_only() {
    let late = |on_lapse| {
        let selection = Selection { on_lapse, ..Selection::default() };
        Export::new(&sample(), &selection, "plain", 1_796_000_000)
    };
    let export = late(OnLapse::Empty).unwrap();
    assert_eq!(
        (export.ranges().count(), export.comment[0].as_str()),
        (0, "LEASE OVER: 5 of 5 ranges are left out")
    );
    assert_eq!(late(OnLapse::Fail), Err(ExportError::Lapsed { count: 5, all: 5 }));
    let nothing = PublishedList { ranges: Vec::new(), ..sample() };
    let selection = Selection { on_lapse: OnLapse::Empty, ..Selection::default() };
    assert_eq!(Export::new(&nothing, &selection, "plain", NOW), Err(ExportError::Empty));
}

#[test]
fn the_comment_has_the_facts_and_only_printable_characters() {
    let selection = Selection {
        geos: vec![GeoCode::new("NAM").unwrap(), GeoCode::new("EUR").unwrap()],
        family: Some(Family::V4),
        include_retired: true,
        on_lapse: OnLapse::Keep,
    };
    let export = Export::new(&sample(), &selection, "plain", NOW).unwrap();
    assert_eq!(
        export.head("#"),
        "# LEASE OVER: 2 of 4 ranges are not confirmed any more\n\
         # d365 generation 3, published 2026-11-24T00:00:00Z, 4 ranges, 1 retired\n\
         # digest of the whole list: ab12\n\
         # source: azure of 2026-11-24, trusted until 2026-11-30T00:53:20Z\n\
         # source: file:/etc/d?365, trusted until 2026-11-24T00:00:01Z\n\
         # made by: d365-user export --format plain --geo NAM --geo EUR --family ipv4 --include-retired\n"
    );
    let list = PublishedList { published: u64::MAX, ..sample() };
    let export = Export::new(&list, &Selection::default(), "plain", 0).unwrap();
    assert_eq!(export.comment[0], "d365 generation 3, published 9999-12-31T23:59:59Z, 5 ranges, 0 retired");
}

#[test]
fn aggregated_prefixes_hold_the_same_addresses_without_overlap() {
    let selection = Selection { include_retired: true, ..Selection::default() };
    let export = Export::new(&sample(), &selection, "plain", NOW).unwrap();
    let aggregated: Vec<String> = export.aggregated().iter().map(ToString::to_string).collect();
    assert_eq!(aggregated, ["192.0.2.0/24", "198.51.100.7/32", "203.0.113.0/24", "2001:db8::/47"]);
}

#[test]
fn names_and_files_of_formats_are_each_once_and_each_renders() {
    let export = Export::new(&sample(), &Selection::default(), "plain", NOW).unwrap();
    for (at, format) in FORMATS.iter().enumerate() {
        let others = &FORMATS[..at];
        assert!(others.iter().all(|other| other.name != format.name && other.file != format.file));
        assert!((format.render)(&export).contains("192"), "{}", format.name);
    }
}
