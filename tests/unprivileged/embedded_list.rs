//! Compares the list that is compiled into the daemon with the service tag's prefixes and regions, and with
//! the documentation's table of geo codes. Both are read from the repository and, where they exist, from the
//! files that the vendor published.

use std::collections::BTreeMap;

use d365_tests::vendor::Documents;
use d365_user::geo::{self, REGISTER};
use d365_user::source::{self, Spec};
use d365_user::{
    geo::GeoSource,
    ranges::{Policy, Range, RangeSet},
};
use ipnet::IpNet;

/// Rows of the service tag: prefix, Azure region, and the documented geo or "-".
fn tag(text: &str) -> Vec<(IpNet, String, Option<String>)> {
    let row = |line: &str| {
        let [prefix, region, geo] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line:?}") };
        (prefix.parse().expect("a prefix"), region.to_owned(), (geo != "-").then(|| geo.to_owned()))
    };
    text.lines().filter(|line| !line.starts_with('#')).map(row).collect()
}

/// Rows of the documentation's table: prefix, geo code, name of the region.
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
    let embedded = embedded();
    for documents in Documents::all() {
        let tag = tag(&documents.newest_tag());
        assert_eq!(tag.len(), 39);
        assert!(embedded.keys().eq(tag.iter().map(|(prefix, ..)| prefix)), "{embedded:?}");
        for (prefix, region, documented) in tag {
            let range = &embedded[&prefix];
            assert_eq!(range.region.as_deref(), Some(region.as_str()), "{prefix}");
            match documented {
                Some(code) => assert_eq!(range.geo.to_string(), format!("{code} (documented)"), "{prefix}"),
                None => assert_eq!(range.geo.source, GeoSource::Inferred, "{prefix}"),
            }
        }
    }
    let origin = source::load(&Spec::Embedded).unwrap().origin;
    assert_eq!((origin.date.as_deref(), origin.change_number), (Some("2026-08-03"), Some(412)));
}

#[test]
fn documented_geos_are_the_documentations() {
    let embedded = embedded();
    let documented = embedded.values().filter(|range| range.geo.source == GeoSource::Documented);
    assert_eq!(documented.count(), 15);
    for documents in Documents::all() {
        let table = table(&documents.page());
        assert_eq!(table.len(), 15);
        for (prefix, code, name) in &table {
            let geo = embedded[prefix].geo;
            assert_eq!((geo.code.as_str(), geo.source), (code.as_str(), GeoSource::Documented), "{prefix}");
            let registered = REGISTER.iter().find(|registered| registered.code == geo.code);
            assert_eq!(registered.map(|registered| registered.name), Some(name.as_str()), "{prefix}");
        }
        let in_code = geo::documented().iter().map(|(prefix, code)| (*prefix, code.to_string()));
        assert!(in_code.eq(table.into_iter().map(|(prefix, code, _)| (prefix, code))));
    }
}
