//! `drift` of a state directory that a daemon has written: cached documents, and the ranges that the gates
//! accepted and retired.

use d365_tests::{require, task, temp::TempDir, vendor::Documents};
use d365_user::{
    gate::{
        Gate, GatePolicy, Offer, Timestamp, Trust,
        gates::{self, Gates},
    },
    geo::{Geo, GeoCode, GeoSource},
    ranges::{Policy, Range, RangeSet},
    source::{
        documents,
        download::{Document, Stamp, Validators},
        service_tags,
    },
};
use std::{fs, time::SystemTime};

use super::{differing, drift, expected, list, marks, words};

const NAME: &str = "public-2026-cn398.json";

fn range(prefix: &str, code: &str) -> Range {
    let geo = Geo { code: GeoCode::new(code).unwrap(), source: GeoSource::Inferred };
    Range { prefix: prefix.parse().unwrap(), geo, region: None }
}

fn document(documents: &Documents, name: &str) -> Document {
    let bytes = documents.document(name);
    let url = "https://download.microsoft.com/x/ServiceTags_Public_20260316.json".parse().unwrap();
    let stamp = Stamp { url, date: Some("2026-03-16".to_owned()), validators: Validators::default() };
    Document { stamp, bytes }
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
fn gate(old: &[Range], new: &[Range]) -> Gate {
    let now = Timestamp::from(SystemTime::now());
    let offer =
        |ranges: &[Range]| Offer { ranges: ranges.to_vec(), change_number: None, trust: Trust::Local };
    let mut gate = Gate::new(GatePolicy::default());
    gate.offer(offer(old), now);
    gate.offer(offer(new), now);
    gate
}

#[test]
fn kept_documents_and_accepted_lists_are_compared() {
    require!(Daemon);
    let old = ["20.0.0.0/24 NAM", "20.0.1.0/24 FRA", "20.0.2.0/24 LAB", "20.0.3.0/24 NAM"];
    let old = old.map(|text| text.split_once(' ').unwrap()).map(|(prefix, code)| range(prefix, code));
    for documents in Documents::all() {
        let mut retired = gate(&old, &old[1..3]);
        let digest = retired.pending_digest().unwrap();
        retired.approve(&digest, None, Timestamp::from(SystemTime::now())).unwrap();
        let waiting = gate(&old[..2], &[range("20.0.0.0/24", "ZZZ")]);
        let gates = Gates::from([("azure:public".to_owned(), retired), ("file:/more".to_owned(), waiting)]);
        let state = state(&gates, &document(&documents, NAME));
        let (code, report) = drift(&["--state-dir", state.path().to_str().unwrap()]);
        assert_eq!(code, Some(1));
        let source = &list(&report, "service tag")["sources"][0];
        assert_eq!(source["name"], "azure:public");
        assert_eq!((&source["date"], &source["ranges"]), (&"2026-03-16".into(), &22.into()));
        let accepted = marks(&report, "accepted");
        let said = old.each_ref().map(|range| accepted[&range.prefix].as_str());
        let expected = ["NAM", "FRA", "LAB", "retired"];
        assert_eq!(said, expected, "what one source retired and another lists is listed");
        let differ = old.each_ref().map(|range| differing(&report).contains(&range.prefix));
        assert_eq!(differ, [true, true, true, false], "no list has what is retired");
        let remarks = list(&report, "accepted")["remarks"].to_string();
        assert!(remarks.contains("file:/more: 2 changes waiting; d365-user approve"), "{remarks}");
    }
}

/// The daemon accepted its cached document except for one waiting range, and the operator has a list of his
/// own.
#[test]
fn what_waits_and_what_is_the_operators_own_is_a_remark() {
    require!(Daemon);
    for documents in Documents::all() {
        let kept = document(&documents, NAME);
        let document = service_tags::read(kept.bytes.as_slice(), &service_tags::Options::default()).unwrap();
        let set = RangeSet::build(&[document.list], &Policy::default()).unwrap();
        let listed = set.ranges();
        let now = Timestamp::from(SystemTime::now());
        let mut azure = Gate::new(GatePolicy::default());
        for ranges in [&listed[1..], listed] {
            let ranges = ranges.to_vec();
            azure.offer(Offer { ranges, change_number: Some(4), trust: Trust::Download }, now);
        }
        let more = [range("20.0.0.0/24", "LAB")];
        let own = gate(&more, &more);
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
}

#[test]
fn a_named_document_replaces_kept_ones_and_a_damaged_one_is_not_accepted() {
    require!(Daemon);
    for documents in Documents::all() {
        let gate = gate(&[range("20.0.0.0/24", "NAM")], &[]);
        let state = state(&Gates::from([("azure".to_owned(), gate)]), &document(&documents, NAME));
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
}
