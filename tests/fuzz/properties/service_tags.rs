//! The vendor's document: it is rejected with one line, or read completely and within its limits.

use std::collections::BTreeSet;

use d365_user::{
    ranges::{Policy, RangeSet},
    source::{
        Cloud, Reason,
        service_tags::{self, Document, DocumentError, MAX_PREFIXES, Options},
    },
};
use serde::de::IgnoredAny;

/// The byte order mark of UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

pub(crate) fn check(bytes: &[u8]) {
    let all = Options { keep_azure: true, cloud: None };
    let whole = service_tags::read(bytes, &all);
    let Ok(whole) = outcome(whole) else { return };
    assert!(serde_json::from_slice::<IgnoredAny>(bytes.strip_prefix(MARK).unwrap_or(bytes)).is_ok());
    is_within(&whole);
    is_consistent(&whole);
    is_of_one_cloud(bytes, &whole);
    becomes_a_set_of_its_own_prefixes(whole);
}

/// Asserts that an error message has one line.
fn outcome(read: Result<Document, DocumentError>) -> Result<Document, DocumentError> {
    read.inspect_err(|error| {
        let message = error.to_string();
        assert!(!message.contains(char::is_control) && message.len() < 1024, "{message:?}");
        assert!([Reason::of_file(), Reason::of_download()].iter().all(|all| all.contains(&error.reason())));
    })
}

fn is_within(document: &Document) {
    let azure = document.azure.as_ref().map_or(0, |azure| azure.iter().count());
    let kept = document.list.entries.len() + document.regional.iter().count() + azure;
    assert!(kept <= MAX_PREFIXES, "{kept} prefixes");
}

fn is_consistent(document: &Document) {
    let azure = document.azure.as_ref().expect("it was asked for");
    let names: BTreeSet<&str> = document.regional.names().chain(azure.names()).collect();
    assert!(!document.list.entries.is_empty());
    assert!(document.list.entries.is_sorted_by(|one, next| one.prefix < next.prefix), "sorted, each once");
    for range in &document.list.entries {
        let around = [document.regional.exact(&range.prefix), azure.containing(&range.prefix)];
        let region = range.region.as_deref();
        assert!(around.contains(&region) && region.is_none_or(|region| names.contains(region)), "{range:?}");
    }
    for (prefix, region) in document.regional.iter() {
        assert_eq!(prefix, prefix.trunc());
        assert_eq!(document.regional.exact(&prefix), Some(region));
    }
}

/// Asserts that only a document of the requested cloud is accepted, and that the option `keep_azure` changes
/// nothing in the tag.
fn is_of_one_cloud(bytes: &[u8], whole: &Document) {
    for cloud in Cloud::ALL {
        let asked = Options { cloud: Some(cloud), ..Options::default() };
        match outcome(service_tags::read(bytes, &asked)) {
            Ok(document) => {
                assert_eq!(cloud, whole.cloud);
                assert_eq!(document, Document { azure: None, ..whole.clone() });
            }
            Err(error) => {
                assert!(cloud != whole.cloud && matches!(error, DocumentError::WrongCloud { .. }), "{error}");
            }
        }
    }
}

fn becomes_a_set_of_its_own_prefixes(document: Document) {
    let list = document.list;
    let prefixes: BTreeSet<_> = list.entries.iter().map(|entry| entry.prefix.trunc()).collect();
    if let Ok(set) = RangeSet::build(&[list], &Policy::default()) {
        assert!(set.ranges().iter().all(|range| prefixes.contains(&range.prefix)));
        assert_eq!(set.ranges().len(), prefixes.len());
    }
}
