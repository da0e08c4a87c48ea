//! Any bytes give a document or an error. The accepted prefixes are those that a search of the whole JSON
//! finds.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Values whose names and prefixes often coincide.
fn any_value() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        3 => Just(TAG.to_owned()),
        3 => "(WestUS2|UKSouth|Mars)".prop_map(|region| format!("{TAG}.{region}")),
        3 => "(westus2|uksouth)".prop_map(|region| format!("AzureCloud.{region}")),
        1 => "[A-Za-z.]{0,12}",
    ];
    let prefix = prop_oneof![
        60 => (0..8u8, 22..=28u8).prop_map(|(third, length)| json!(format!("13.0.{third}.0/{length}"))),
        10 => (0..8u8, 30..=40u8).prop_map(|(third, length)| json!(format!("2603:{third}::/{length}"))),
        2 => Just(json!("x")),
        2 => Just(Value::Null),
    ];
    (name, prop::collection::vec(prefix, 0..6), any::<u64>())
        .prop_map(|(name, prefixes, number)| json!({"name": name, "properties": {"changeNumber": number, "addressPrefixes": prefixes}}))
}

/// Searches the whole JSON for the tag's prefixes, each with the regions that it may have.
fn reference(values: &[Value]) -> BTreeMap<IpNetText, Vec<String>> {
    let all = |tag: &str| {
        let of = |value: &Value| -> Option<(String, Vec<ipnet::IpNet>)> {
            let name = value["name"].as_str()?.strip_prefix(tag)?.to_owned();
            let prefixes = value["properties"]["addressPrefixes"].as_array()?;
            Some((name, prefixes.iter().filter_map(|prefix| prefix.as_str()?.parse().ok()).collect()))
        };
        values.iter().filter_map(of).collect::<Vec<_>>()
    };
    let (tag, azure) = (all(TAG), all("AzureCloud."));
    let mut found = BTreeMap::new();
    for prefix in tag.iter().filter(|(name, _)| name.is_empty()).flat_map(|(_, prefixes)| prefixes) {
        let named = tag.iter().filter(|(name, all)| {
            name.starts_with('.') && all.iter().any(|other| other.trunc() == prefix.trunc())
        });
        let around = azure.iter().filter(|(_, all)| all.iter().any(|other| other.contains(prefix)));
        let regions = named.map(|(name, _)| name[1..].to_owned()).chain(around.map(|(name, _)| name.clone()));
        found.insert(prefix.to_string(), regions.collect());
    }
    found
}

type IpNetText = String;

/// The number of the tag's entries that are not prefixes, and the number of all its entries.
fn invalid(values: &[Value]) -> (usize, usize) {
    let tags = values.iter().filter(|value| value["name"] == TAG);
    let entries: Vec<&Value> =
        tags.flat_map(|value| value["properties"]["addressPrefixes"].as_array().unwrap()).collect();
    let is_prefix = |entry: &&&Value| entry.as_str().is_some_and(|text| text.parse::<ipnet::IpNet>().is_ok());
    (entries.len() - entries.iter().filter(is_prefix).count(), entries.len())
}

proptest! {
    #[test]
    fn any_damage_is_a_document_or_an_error_of_one_line(
        values in prop::collection::vec(any_value(), 0..6),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = json!({"cloud": "Public", "values": values}).to_string().into_bytes();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Err(error) = read(bytes.as_slice(), &Options::default()) {
            prop_assert!(!error.to_string().contains(char::is_control), "{error}");
        }
    }

    #[test]
    fn what_is_accepted_is_what_a_look_at_the_whole_finds(values in prop::collection::vec(any_value(), 0..12)) {
        let expected = reference(&values);
        let text = json!({"cloud": "Public", "values": values}).to_string();
        match with(&text, &Options::default()) {
            Err(error) => {
                let (invalid, entries) = invalid(&values);
                let reasons: &[Reason] = match expected.is_empty() {
                    true => &[Reason::NoTag, Reason::NoValidPrefix],
                    false => &[Reason::TooManyInvalid],
                };
                prop_assert!(reasons.contains(&error.reason()), "{error}");
                prop_assert!(expected.is_empty() || invalid * 10 > entries, "{invalid} of {entries}: {error}");
            }
            Ok(document) => {
                let (invalid, entries) = invalid(&values);
                prop_assert!(invalid * 10 <= entries, "{invalid} of {entries}");
                let prefixes: std::collections::BTreeSet<_> = document.list.entries.iter().map(|range| range.prefix.to_string()).collect();
                prop_assert_eq!(&prefixes, &expected.keys().cloned().collect());
                prop_assert_eq!(prefixes.len(), document.list.entries.len());
                for ListEntry { prefix, region, .. } in &document.list.entries {
                    let may = &expected[&prefix.to_string()];
                    match region {
                        Some(region) => prop_assert!(may.contains(region), "{prefix} {region} {may:?}"),
                        None => prop_assert!(may.is_empty(), "{prefix} {may:?}"),
                    }
                }
            }
        }
    }
}
