//! The parser of service tags with generated documents of 2019 to 2026 and, where they exist, with those that
//! the vendor published; and with the pages that the vendor's servers sent instead.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::thread;

use d365_tests::{
    temp::{TempDir, TempFile},
    vendor::Documents,
};
use d365_user::source::service_tags::{Document, Options, TAG, read};
use d365_user::source::{self, Cloud, Spec, Warning};
use d365_user::{
    geo::{self, GeoSource},
    ranges::{Policy, RangeSet},
};
use ipnet::IpNet;
use serde_json::Value;

/// A document's name and cloud, its change number and the tag's, and the number of its ranges.
type Published = (&'static str, Cloud, [u64; 2], usize);

/// The documents with the tag, in the order of their dates.
const WITH_TAG: [Published; 10] = [
    ("public-2019-12-09-cn90.json", Cloud::Public, [90, 1], 14),
    ("public-2021-03-01-cn137.json", Cloud::Public, [137, 2], 16),
    ("public-2024-09-09-cn323.json", Cloud::Public, [323, 3], 17),
    ("public-2024-09-09-cn323-crlf.json", Cloud::Public, [323, 3], 17),
    ("public-2025-02-17-cn346.json", Cloud::Public, [346, 3], 17),
    ("public-2025-03-03-cn346.json", Cloud::Public, [346, 3], 17),
    ("public-2025-cn376.json", Cloud::Public, [376, 3], 17),
    ("public-2026-cn398.json", Cloud::Public, [398, 4], 22),
    ("government-2026-05-04-cn391.json", Cloud::Government, [391, 1], 2),
    ("china-2026-05-04-cn394.json", Cloud::China, [394, 1], 2),
];
/// From before the tag.
const WITHOUT_TAG: &str = "public-2019-07-22-cn82.json";
const NEWEST: &str = "public-2026-cn398.json";

fn document(documents: &Documents, name: &str, options: &Options) -> Document {
    let bytes = documents.document(name);
    read(&bytes, options).unwrap_or_else(|error| panic!("{documents}, {name}: {error}"))
}

/// Every document with the tag, of each set of documents.
fn with_tag() -> impl Iterator<Item = (Documents, Published)> {
    let of = |documents: Documents| WITH_TAG.into_iter().map(move |published| (documents.clone(), published));
    Documents::all().into_iter().flat_map(of)
}

fn of(cloud: Cloud) -> Options {
    Options { cloud: Some(cloud), keep_azure: true }
}

/// Every entry whose name begins with `start`, read from the whole JSON without the daemon's parser.
fn entries(document: &Value, start: &str) -> BTreeMap<String, BTreeSet<IpNet>> {
    let entry = |value: &Value| {
        let rest = value["name"].as_str()?.strip_prefix(start)?;
        let prefixes = value["properties"]["addressPrefixes"].as_array()?.iter();
        let prefixes =
            prefixes.map(|prefix| prefix.as_str().and_then(|prefix| prefix.parse().ok()).expect("a prefix"));
        Some((rest.to_owned(), prefixes.collect()))
    };
    document["values"].as_array().expect("a list of values").iter().filter_map(entry).collect()
}

/// The reader finds what a look at the whole finds, and refuses the document if another cloud's is asked for.
#[test]
fn every_document_holds_what_it_is_known_to_hold() {
    for (documents, (name, cloud, numbers, ranges)) in with_tag() {
        let bytes = documents.document(name);
        for asked in Cloud::ALL.into_iter().filter(|asked| *asked != cloud) {
            let error = read(bytes.as_slice(), &of(asked)).unwrap_err();
            assert_eq!(error.reason().as_str(), "wrong_cloud", "{name}: {error}");
        }
        let read = document(&documents, name, &of(cloud));
        assert_eq!(read.cloud, cloud, "{name}");
        assert_eq!(
            [read.list.origin.change_number, read.list.origin.tag_change_number],
            numbers.map(Some),
            "{name}"
        );
        assert_eq!((read.list.entries.len(), &read.list.warnings), (ranges, &vec![]), "{name}");
        let whole: Value = serde_json::from_slice(&bytes).unwrap();
        let prefixes: BTreeSet<_> = read.list.entries.iter().map(|range| range.prefix).collect();
        assert_eq!(prefixes, entries(&whole, TAG)[""], "{name}");

        let regional = entries(&whole, &format!("{TAG}."));
        assert_eq!(regional.is_empty(), cloud == Cloud::China, "{name}");
        let union: BTreeSet<_> = regional.values().flatten().copied().collect();
        assert_eq!(read.regional.iter().map(|(prefix, _)| prefix).collect::<BTreeSet<_>>(), union, "{name}");
        if cloud != Cloud::China {
            assert_eq!(union, prefixes, "{name}: the tag is the union of its regions");
        }
        let azure = entries(&whole, "AzureCloud.");
        let kept = read.azure.unwrap();
        assert_eq!(kept.iter().count(), azure.values().map(BTreeSet::len).sum::<usize>(), "{name}");
        let unknown: Vec<_> = kept.iter().filter(|(_, region)| !geo::knows(region)).collect();
        assert!(unknown.is_empty(), "{name}: regions without a geo: {unknown:?}");
        for range in &read.list.entries {
            let region = range.region.as_deref().unwrap();
            let around = kept.containing(&range.prefix).unwrap();
            assert!(azure[around].iter().any(|prefix| prefix.contains(&range.prefix)), "{name} {around}");
            match regional.get(region) {
                Some(prefixes) => assert!(prefixes.contains(&range.prefix), "{name} {region}"),
                None => assert_eq!((cloud, region), (Cloud::China, around), "{name}"),
            }
        }

        // Every range has a geo, and a documented one its own.
        let file = documents.file(name);
        let list = source::load(&Spec::File(file.path().into())).unwrap();
        assert_eq!(list.origin.name, format!("file:{}", file.path().display()));
        let set = RangeSet::build(&[list], &Policy::default()).unwrap();
        assert_eq!((set.ranges().len(), set.warnings()), (ranges, [].as_slice()), "{name}");
        let geos: BTreeSet<_> = set.ranges().iter().map(|range| range.geo.code.to_string()).collect();
        match cloud {
            Cloud::Government => assert_eq!(geos, BTreeSet::from(["USG".to_owned()])),
            Cloud::China => assert_eq!(geos, BTreeSet::from(["CHN".to_owned()])),
            Cloud::Public => {
                assert!(!geos.contains("ZZZ"), "{name}");
                let documented =
                    set.ranges().iter().filter(|range| range.geo.source == GeoSource::Documented);
                let expected = if name.contains("2019") { 13 } else { 15 };
                assert_eq!(documented.count(), expected, "{name}");
            }
        }
    }
}

#[test]
fn what_came_instead_of_a_document_is_refused_with_its_reason() {
    let expected = BTreeMap::from([
        ("empty.txt", "empty"),
        ("error-page.txt", "html"),
        ("gateway-timeout.txt", "html"),
        ("html-page.txt", "html"),
        ("server-busy-xml-bom.txt", "xml"),
        (WITHOUT_TAG, "no_tag"),
    ]);
    for documents in Documents::all() {
        let mut rejected = documents.rejected();
        rejected.push((WITHOUT_TAG.to_owned(), documents.document(WITHOUT_TAG)));
        assert_eq!(rejected.len(), expected.len(), "{documents}");
        for (name, bytes) in rejected {
            let file = TempFile::new("rejected", &bytes);
            let error = source::load(&Spec::File(file.path().into())).unwrap_err();
            assert_eq!(Some(&error.reason().as_str()), expected.get(&*name), "{name}: {error}");
            assert!(name != WITHOUT_TAG || error.to_string().contains("change number 82"), "{error}");
        }
    }
}

/// Lengths to which the test truncates a document: points all over it, and the last bytes, where only closing
/// brackets are missing.
fn ends(length: usize) -> impl DoubleEndedIterator<Item = usize> {
    (0..180).map(move |point| length * point / 180).chain((length - 20)..length)
}

/// An operator's file whose copying was interrupted. Two threads share the work, because an unoptimised build
/// reads half a gigabyte in half a minute.
#[test]
fn half_a_document_is_refused_wherever_it_ends() {
    let names = ["public-2019-12-09-cn90.json", "government-2026-05-04-cn391.json", NEWEST];
    let all = Documents::all();
    for (documents, name) in all.iter().flat_map(|documents| names.map(|name| (documents, name))) {
        let whole = documents.document(name);
        let length = whole.trim_ascii_end().len();
        let directory = TempDir::new("half");
        thread::scope(|scope| {
            for part in 0..2 {
                let path = directory.file(&format!("{part}.json"));
                fs::write(&path, &whole).unwrap();
                scope.spawn(move || {
                    let spec = Spec::File(path.clone());
                    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
                    file.set_len(length as u64).unwrap();
                    assert!(source::load(&spec).is_ok());
                    for end in ends(length).rev().skip(part).step_by(2) {
                        file.set_len(end as u64).unwrap();
                        let error = source::load(&spec).unwrap_err();
                        let expected = if end == 0 { "empty" } else { "truncated" };
                        assert_eq!(error.reason().as_str(), expected, "{name}, {end} bytes: {error}");
                        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
                    }
                });
            }
        });
    }
}

#[test]
fn a_flipped_byte_never_adds_more_than_it_touches() {
    let name = "government-2026-05-04-cn391.json";
    for documents in Documents::all() {
        let (whole, before) = (documents.document(name), document(&documents, name, &Options::default()));
        for at in (0..whole.len()).step_by(whole.len() / 200) {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            if let Ok(Document { list, .. }) = read(&damaged, &Options::default()) {
                assert!(list.entries.len() <= before.list.entries.len(), "byte {at}");
                let skipped = |warning: &Warning| matches!(warning, Warning::InvalidPrefixes { .. });
                let odd =
                    list.entries.len() == before.list.entries.len() || list.warnings.iter().any(skipped);
                assert!(odd, "byte {at}: a range is gone without a warning");
            }
        }
    }
}
