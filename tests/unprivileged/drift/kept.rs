//! `drift` of a state directory that a daemon has written: cached documents, and the ranges that the gates
//! accepted and retired.

use d365_tests::{require, task, temp::TempDir, vendor::Documents};
use d365_user::{
    gate::{
        Gate, GatePolicy, Offer, Timestamp, Trust,
        gates::{self, Gates},
    },
    geo::{self, Geo, GeoCode, GeoSource},
    ranges::Range,
    source::{
        documents,
        download::{Document, Validators},
    },
};
use ipnet::IpNet;
use serde_json::Value;
use std::{fs, time::SystemTime};

use super::{differing, drift, expected, list, marks, tag_of, words};

fn range(prefix: &str, code: &str) -> Range {
    let geo = Geo { code: GeoCode::new(code).unwrap(), source: GeoSource::Inferred };
    Range { prefix: prefix.parse().unwrap(), geo, region: None }
}

fn document(documents: &Documents, name: &str) -> Document {
    let bytes = documents.document(name);
    let url = "https://download.microsoft.com/x/ServiceTags_Public_20260316.json".parse().unwrap();
    Document::new(url, Some("20260316".parse().unwrap()), Validators::default(), bytes)
}

/// Creates a state directory with these gates, and with this document for the first source.
fn state(gates: &Gates, kept: &Document) -> TempDir {
    let state = TempDir::new("kept");
    let directory = d365_user::state_files::open(state.path()).unwrap();
    gates::save(&directory, gates).unwrap();
    documents::save(&directory, gates.keys().next().unwrap(), kept).unwrap();
    state
}

/// A gate that accepted `old`. Then the source offered only `new`.
fn gate(old: &[Range], new: &[Range], policy: GatePolicy) -> Gate {
    let now = Timestamp::from(SystemTime::now());
    let offer =
        |ranges: &[Range]| Offer { ranges: ranges.to_vec(), change_number: None, trust: Trust::Local };
    let mut gate = Gate::new(policy);
    gate.offer(offer(old), now);
    gate.offer(offer(new), now);
    gate
}

#[test]
fn kept_documents_and_accepted_lists_are_compared() {
    require!(Daemon);
    Documents::all().iter().for_each(compared);
}

fn compared(documents: &Documents) {
    let policy = GatePolicy { hold: std::time::Duration::ZERO, ..GatePolicy::default() };
    let old = [range("20.0.0.0/24", "NAM"), range("20.0.1.0/24", "FRA"), range("20.0.2.0/24", "LAB")];
    let mut retired = gate(&old, &old[1..], policy);
    let digest = retired.pending_digest().unwrap();
    retired.approve(&digest, None, Timestamp::from(SystemTime::now())).unwrap();
    let waiting = gate(&old[..2], &[range("20.0.0.0/24", "ZZZ")], GatePolicy::default());
    let gates = Gates::from([("azure:public".to_owned(), retired), ("file:/more".to_owned(), waiting)]);
    let state = state(&gates, &document(documents, "public-2026-cn398.json"));
    let (code, report) = drift(&["--state-dir", state.path().to_str().unwrap()]);
    assert_eq!(code, Some(1));
    let source = &list(&report, "service tag")["sources"][0];
    assert_eq!(source["name"], "azure:public");
    assert_eq!((&source["date"], &source["ranges"]), (&"2026-03-16".into(), &22.into()));
    let accepted = marks(&report, "accepted");
    let said = old.each_ref().map(|range| accepted[&range.prefix].as_str());
    assert_eq!(said, ["NAM", "FRA", "LAB"], "what one source retired and another lists is listed");
    assert!(differing(&report).is_superset(&old.iter().map(|range| range.prefix).collect()));
    let remarks = list(&report, "accepted")["remarks"].to_string();
    assert!(remarks.contains("file:/more: 2 changes waiting; d365-user approve"), "{remarks}");
}

/// The daemon accepted its cached document except for one waiting range, and the operator has a list of his
/// own.
#[test]
fn what_waits_and_what_is_the_operators_own_is_a_remark() {
    require!(Daemon);
    Documents::all().iter().for_each(expected_differences);
}

fn expected_differences(documents: &Documents) {
    let kept = document(documents, "public-2026-cn398.json");
    let tag = tag_of(documents, "public-2026-cn398.json");
    let listed: Vec<Range> = tag.iter().map(|prefix| range(&prefix.to_string(), "NAM")).collect();
    let listed: Vec<Range> = listed
        .into_iter()
        .map(|range| Range {
            geo: geo::attribute(&range.prefix, None, region_of(documents, &range.prefix).as_deref()),
            ..range
        })
        .collect();
    let now = Timestamp::from(SystemTime::now());
    let mut azure = Gate::new(GatePolicy::default());
    let offer =
        |ranges: &[Range]| Offer { ranges: ranges.to_vec(), change_number: Some(4), trust: Trust::Download };
    azure.offer(offer(&listed[1..]), now);
    azure.offer(offer(&listed), now);
    let mut own = Gate::new(GatePolicy::default());
    let more = [range("20.0.0.0/24", "LAB")];
    own.offer(Offer { ranges: more.to_vec(), change_number: None, trust: Trust::Local }, now);
    let gates = Gates::from([("azure:public".to_owned(), azure), ("file:/more".to_owned(), own)]);
    let state = state(&gates, &kept);
    let (code, report) = drift(&["--state-dir", state.path().to_str().unwrap()]);
    assert_eq!(code, Some(0), "{report:#}");
    let reasons = expected(&report);
    assert_eq!(reasons[&listed[0].prefix], "waiting");
    assert_eq!(reasons[&more[0].prefix], "own_list");
    assert_eq!(reasons.values().filter(|reason| *reason == "build").count(), 17, "{reasons:?}");

    // A difference without a reason is reported as drift.
    let gate = Gate::with_baseline(GatePolicy::default(), listed[1..].to_vec(), None);
    let state = self::state(&Gates::from([("azure:public".to_owned(), gate)]), &kept);
    let (code, report) = drift(&["--state-dir", state.path().to_str().unwrap()]);
    assert_eq!((code, expected(&report).get(&listed[0].prefix)), (Some(1), None), "{report:#}");
}

/// The region of a prefix of the tag, read without the daemon's parser.
fn region_of(documents: &Documents, prefix: &IpNet) -> Option<String> {
    let document: Value = serde_json::from_slice(&documents.document("public-2026-cn398.json")).unwrap();
    let values = document["values"].as_array().unwrap().iter();
    let mut regional = values.filter_map(|value| {
        let region = value["name"].as_str()?.strip_prefix("Dynamics365ForMarketingEmail.")?;
        let prefixes = value["properties"]["addressPrefixes"].as_array()?;
        prefixes.iter().any(|text| text.as_str() == Some(&prefix.to_string())).then(|| region.to_owned())
    });
    regional.next()
}

#[test]
fn what_is_retired_shows_as_retired() {
    require!(Daemon);
    Documents::all().iter().for_each(retired);
}

fn retired(documents: &Documents) {
    let old = [range("20.0.0.0/24", "NAM"), range("20.0.1.0/24", "FRA")];
    let mut gate = gate(&old, &old[1..], GatePolicy::default());
    let digest = gate.pending_digest().unwrap();
    gate.approve(&digest, None, Timestamp::from(SystemTime::now())).unwrap();
    let gates = Gates::from([("azure".to_owned(), gate)]);
    let state = state(&gates, &document(documents, "public-2026-cn398.json"));
    let path = state.path().to_str().unwrap();
    let (_, report) = drift(&["--state-dir", path]);
    assert_eq!(marks(&report, "accepted")[&old[0].prefix], "retired");
    assert!(!differing(&report).contains(&old[0].prefix), "no list has it");
    assert!(differing(&report).contains(&old[1].prefix));
}

#[test]
fn a_document_that_is_named_stands_for_kept_ones_and_a_damaged_one_is_not_believed() {
    require!(Daemon);
    Documents::all().iter().for_each(named);
}

fn named(documents: &Documents) {
    let gates =
        Gates::from([("azure".to_owned(), gate(&[range("20.0.0.0/24", "NAM")], &[], GatePolicy::default()))]);
    let state = state(&gates, &document(documents, "public-2026-cn398.json"));
    let kept = state.file(&documents::file_name("azure"));
    let whole = fs::read(&kept).unwrap();
    fs::write(&kept, &whole[..whole.len() - 1]).unwrap();
    let path = state.path().to_str().unwrap();
    let said = words(11, &task::run(&["drift", "--state-dir", path]).unwrap());
    assert!(said.contains(kept.to_str().unwrap()), "{said}");
    assert!(kept.exists(), "it is left where it is");
    let named = documents.file("public-2025-cn376.json");
    let (code, report) = drift(&["--state-dir", path, "--document", named.path().to_str().unwrap()]);
    assert_eq!((code, &list(&report, "service tag")["sources"][0]["ranges"]), (Some(1), &17.into()));
}
