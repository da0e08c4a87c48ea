//! The list compiled into the daemon against what the vendor published: the service tag's prefixes and regions, and the
//! documentation's table of geo codes.

use std::collections::BTreeMap;

use d365_tests::{require, require::shared_data};
use d365_user::ranges::{self, GeoSource, Policy, Range, RangeSet};
use d365_user::source::{self, Spec};
use ipnet::IpNet;

const TAG: &str = "service-tags/public-2026-08-03-cn412-d365-prefixes.tsv";
const TABLE: &str = "documentation-table.md";

/// A document of `shared/data`.
fn document(name: &str) -> String {
    let path = shared_data().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The service tag: prefix, Azure region, and the documented geo or "-".
fn tag(text: &str) -> Vec<(IpNet, String, Option<String>)> {
    let row = |line: &str| {
        let [prefix, region, geo] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line:?}") };
        (prefix.parse().expect("a prefix"), region.to_owned(), (geo != "-").then(|| geo.to_owned()))
    };
    text.lines().filter(|line| !line.starts_with('#')).map(row).collect()
}

/// The documentation's table: prefix, geo code, name of the region.
fn table(text: &str) -> Vec<(IpNet, String, String)> {
    let row = |line: &str| {
        let cells: Vec<_> =
            line.trim().strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect();
        let [prefix, code, name] = cells[..] else { return None };
        Some((prefix.parse().ok()?, code.to_owned(), name.to_owned()))
    };
    text.lines().filter_map(row).collect()
}

fn embedded() -> BTreeMap<IpNet, Range> {
    let list = source::load(&Spec::Embedded).expect("the embedded list is whole");
    let set = RangeSet::build(&[list], &Policy::default()).expect("the embedded list is sound");
    set.ranges().iter().map(|range| (range.prefix, range.clone())).collect()
}

#[test]
fn prefixes_and_regions_are_the_service_tags() {
    require!(SharedData);
    let (tag, embedded) = (tag(&document(TAG)), embedded());
    assert_eq!(tag.len(), 39);
    assert_eq!(embedded.keys().copied().collect::<Vec<_>>(), tag.iter().map(|row| row.0).collect::<Vec<_>>());
    for (prefix, region, documented) in tag {
        let range = &embedded[&prefix];
        assert_eq!(range.region.as_deref(), Some(region.as_str()), "{prefix}");
        match documented {
            Some(code) => assert_eq!(range.geo.to_string(), format!("{code} (documented)"), "{prefix}"),
            None => assert_eq!(range.geo.source, GeoSource::Inferred, "{prefix}"),
        }
    }
    let origin = source::load(&Spec::Embedded).unwrap().origin;
    let dated = format!("{}-cn{}", origin.date.unwrap(), origin.change_number.unwrap());
    assert!(TAG.contains(&dated), "{dated}");
}

#[test]
fn documented_geos_are_the_documentations() {
    require!(SharedData);
    let (table, embedded) = (table(&document(TABLE)), embedded());
    assert_eq!(table.len(), 15);
    for (prefix, code, name) in &table {
        let geo = embedded[prefix].geo;
        assert_eq!((geo.code.as_str(), geo.source), (code.as_str(), GeoSource::Documented), "{prefix}");
        assert_eq!(geo.code.name(), Some(name.as_str()), "{prefix}");
    }
    let documented = embedded.values().filter(|range| range.geo.source == GeoSource::Documented);
    assert_eq!(documented.count(), 15);
    let in_code: Vec<_> =
        ranges::documented().iter().map(|(prefix, code)| (*prefix, code.to_string())).collect();
    let on_page: Vec<_> = table.into_iter().map(|(prefix, code, _)| (prefix, code)).collect();
    assert_eq!(in_code, on_page);
}
