//! Tests of the JSON form, which other hosts and later releases read.

use serde_json::{Value, json};

use super::*;

fn sample() -> Value {
    json!({
        "format": "d365-ranges-1",
        "generation": 3,
        "digest": "ab12",
        "published": 1_795_478_400_u64,
        "sources": [
            {"name": "azure", "date": "2026-11-24", "change_number": 95, "last_success": 1_795_000_000_u64, "lease": {"until": 1_796_000_000_u64}},
            {"name": "embedded", "date": null, "change_number": null, "last_success": null, "lease": "endless"},
            {"name": "url:x", "date": null, "change_number": null, "last_success": null, "lease": "unconfirmed"},
        ],
        "ranges": [{
            "prefix": "192.0.2.0/24", "geo": "NAM", "geo_source": "documented", "region": "WestUS2", "sources": [0, 2]
        }],
        "retired": [],
    })
}

#[test]
fn the_form_is_this() {
    let list: PublishedList = serde_json::from_value(sample()).unwrap();
    assert_eq!(serde_json::to_value(&list).unwrap(), sample());
    assert_eq!(list.lease(&list.ranges[0]), Lease::Until(1_796_000_000));
    assert_eq!(list.source_names(), "azure,embedded,url:x");
}

#[test]
fn another_form_is_refused() {
    let with = |key: &str, value: Value| {
        let mut list = sample();
        list[key] = value;
        serde_json::from_value::<PublishedList>(list)
    };
    assert!(with("format", json!("d365-ranges-2")).is_err());
    assert!(with("colour", json!("red")).is_err());
    assert!(with("generation", json!(-1)).is_err());
    assert!(with("ranges", json!([{"prefix": "192.0.2.0/33"}])).is_err());
}

#[test]
fn a_lease_has_ended_at_its_end() {
    assert!(Lease::Unconfirmed.has_ended(0) && !Lease::Endless.has_ended(u64::MAX));
    assert_eq!([99, 100].map(|now| Lease::Until(100).has_ended(now)), [false, true]);
    assert!(Lease::Unconfirmed < Lease::Until(0) && Lease::Until(u64::MAX) < Lease::Endless);
}
