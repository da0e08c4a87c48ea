//! The document, case by case: tolerated texts, rejected texts with their messages, and the limits.

use super::*;
use crate::ranges::{Policy, RangeSet};
use crate::source::{Cloud, ListEntry, Origin, Reason, Warning};

mod properties;
mod refused;

/// A public document with these values.
fn public(values: &str) -> String {
    format!(r#"{{"changeNumber": 398, "cloud": "Public", "values": [{values}]}}"#)
}

/// One value.
fn value(name: &str, prefixes: &str) -> String {
    format!(
        r#"{{"name": "{name}", "id": "{name}", "properties": {{"changeNumber": 4, "addressPrefixes": [{prefixes}]}}}}"#
    )
}

/// One value that is the tag.
fn tag(prefixes: &str) -> String {
    value(TAG, prefixes)
}

fn with(text: &str, options: &Options) -> Result<Document, DocumentError> {
    read(text.as_bytes(), options)
}

fn document(text: &str) -> Document {
    with(text, &Options::default()).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn shown(document: &Document) -> Vec<String> {
    let show = |entry: &ListEntry| format!("{} {}", entry.prefix, entry.region.as_deref().unwrap_or("-"));
    document.list.entries.iter().map(show).collect()
}

#[test]
fn the_tag_its_regions_and_the_numbers_are_read() {
    let read = document(&public(
        &[
            tag(r#""13.71.171.0/24", "4.166.33.32/27", "2603:1000::/40""#),
            value("Dynamics365ForMarketingEmail.SwedenCentral", r#""4.166.33.32/27""#),
            value("Dynamics365ForMarketingEmailX", r#""1.2.3.0/24""#),
            value("AzureCloud", r#""13.0.0.0/8", "2603::/16""#),
            value("AzureCloud.canadacentral", r#""13.71.160.0/19", "4.166.0.0/16""#),
        ]
        .join(","),
    ));
    assert_eq!(
        shown(&read),
        ["4.166.33.32/27 SwedenCentral", "13.71.171.0/24 canadacentral", "2603:1000::/40 -"]
    );
    let numbers = (read.list.origin.change_number, read.list.origin.tag_change_number);
    assert_eq!((read.cloud, numbers), (Cloud::Public, (Some(398), Some(4))));
    assert_eq!(read.regional.iter().count(), 1);
    assert_eq!(read.azure, None, "kept on request only");
    let first = "13.71.171.0/24".parse().unwrap();
    assert_eq!(read.list.warnings, [Warning::NotInARegion { count: 2, first }]);
}

/// The output of `Get-AzNetworkServiceTag | ConvertTo-Json -Depth 5`, and of `az network list-service-tags`.
#[test]
fn the_list_as_powershell_and_az_give_it_is_the_same() {
    let regional = "Dynamics365ForMarketingEmail.WestUS2";
    let values = [tag(r#""1.2.3.0/24""#), value(regional, r#""1.2.3.0/24""#)].join(",");
    let expected = document(&public(&values));
    let az = public(&values).replace(": 398", ": \"398\"").replace(": 4,", ": \"4\",").replacen(
        '{',
        r#"{"id": "/subscriptions/x", "name": "Public", "type": "Microsoft.Network/serviceTags", "#,
        1,
    );
    let fields = ["name", "id", "type", "properties", "cloud", "values", "changeNumber", "addressPrefixes"];
    let powershell = fields.iter().fold(az.clone(), |text, field| {
        let upper = field[..1].to_uppercase() + &field[1..];
        text.replace(&format!("\"{field}\":"), &format!("\"{upper}\":"))
    });
    assert!(powershell.contains("\"AddressPrefixes\":") && !powershell.contains("\"name\":"), "{powershell}");
    for text in [az, powershell] {
        assert_eq!(document(&text), expected, "{text}");
    }
}

#[test]
fn no_order_of_values_or_fields_matters() {
    let regional = "Dynamics365ForMarketingEmail.WestUS2";
    let forward = [
        tag(r#""1.2.3.0/24","5.6.7.0/24""#),
        value(regional, r#""1.2.3.0/24""#),
        value("AzureCloud.uksouth", r#""5.0.0.0/8""#),
    ];
    let expected = document(&public(&forward.join(",")));
    assert_eq!(shown(&expected), ["1.2.3.0/24 WestUS2", "5.6.7.0/24 uksouth"]);

    let value = |name: &str, prefixes: &str| {
        format!(
            r#"{{"properties": {{"addressPrefixes": [{prefixes}], "changeNumber": 4}}, "name": "{name}"}}"#
        )
    };
    let values = [
        value("AzureCloud.uksouth", r#""5.0.0.0/8""#),
        value("Other", r#""9.0.0.0/8""#),
        value(regional, r#""1.2.3.0/24""#),
        value(TAG, r#""5.6.7.0/24","1.2.3.0/24""#),
    ];
    let text = format!(r#"{{"values": [{}], "cloud": "Public", "changeNumber": 398}}"#, values.join(","));
    assert_eq!(document(&text), expected);
}

#[test]
fn byte_order_mark_crlf_and_white_space_do_not_matter() {
    let text = public(&tag(r#""1.2.3.0/24""#)).replace(", ", ",\n  ");
    let expected = document(&text);
    assert_eq!(document(&format!("\u{feff}{text}")), expected);
    assert_eq!(document(&format!("\u{feff}\r\n{}\r\n\r\n", text.replace('\n', "\r\n"))), expected);
    assert_eq!(document(&format!("{}{text}", " ".repeat(5_000))), expected);
}

#[test]
fn change_numbers_may_be_strings_or_missing() {
    let of = |number: &str| {
        let text =
            public(&tag(r#""1.2.3.0/24""#)).replace("398", number).replace("4,", &format!("{number},"));
        let origin = document(&text).list.origin;
        assert_eq!(origin.change_number, origin.tag_change_number, "{number}");
        origin.change_number
    };
    assert_eq!(of("412"), Some(412));
    assert_eq!(of(r#"" 412 ""#), Some(412));
    for none in
        ["null", "-1", "4.5", "1e3", "99999999999999999999", r#""x""#, "true", "[1, {}]", r#"{"a": [1]}"#]
    {
        assert_eq!(of(none), None, "{none}");
    }
    let bare = format!(
        r#"{{"cloud":"Public","values":[{{"name":"{TAG}","properties":{{"addressPrefixes":["1.2.3.0/24"]}}}}]}}"#
    );
    assert_eq!(document(&bare).list.origin, Origin::default());
}

#[test]
fn what_is_unknown_absent_or_null_is_skipped() {
    let odd = r#"{"a": [1, -1, 0.5, true, null, "x", {"b": []}], "c": {}}"#;
    let text = format!(
        r#"{{"new": {odd}, "cloud": "Public", "values": [{{"name": "New", "properties": 7}}, {{}}, {{"name": "{TAG}.X", "properties": null}},
            {{"name": "AzureCloud.y", "properties": {{"addressPrefixes": null}}}},
            {{"name": "{TAG}", "new": {odd}, "properties": {{"new": {odd}, "regionId": null, "networkFeatures": null, "region": null,
            "addressPrefixes": ["1.2.3.0/24"]}}}}], "nextLink": null}}"#
    );
    assert_eq!(shown(&document(&text)), ["1.2.3.0/24 -"]);
}

/// Returns `count` distinct prefixes.
fn valid(count: usize) -> Vec<String> {
    (0..count).map(|number| format!(r#""1.2.{number}.0/24""#)).collect()
}

#[test]
fn invalid_prefixes_among_valid_ones_are_skipped_with_a_warning() {
    let invalid =
        [r#""x""#, r#""1.2.3.0/33""#, r#""010.1.1.1/8""#, "null", "7", r#"["1.1.1.0/24"]"#, r#"{"a": 1}"#];
    let read = document(&public(&tag(&[&invalid.map(str::to_owned)[..], &valid(63)].concat().join(","))));
    assert_eq!(shown(&read).len(), 63);
    assert_eq!(read.list.warnings, [Warning::InvalidPrefixes { count: 7, first: "x".to_owned() }]);
}

#[test]
fn exactly_a_tenth_may_be_invalid() {
    for (invalid, all) in [(0, 1), (1, 10), (1, 19), (2, 20), (3, 39), (10, 100)] {
        let entries = [vec![r#""x""#.to_owned(); invalid], valid(all - invalid)].concat().join(",");
        assert_eq!(document(&public(&tag(&entries))).list.entries.len(), all - invalid, "{invalid} of {all}");
    }
    for (invalid, all) in [(1, 2), (1, 9), (2, 19), (3, 29), (3, 4), (11, 109)] {
        let entries = [vec![r#""x""#.to_owned(); invalid], valid(all - invalid)].concat().join(",");
        let error = with(&public(&tag(&entries)), &Options::default()).unwrap_err();
        let right = matches!(
            &error,
            DocumentError::TooManyInvalid { invalid: i, entries, first } if (*i, *entries, &**first) == (invalid, all, "x")
        );
        assert!(right, "{invalid} of {all}: {error}");
    }
    // A tag that is split into several entries counts as one, with the highest change number.
    let split = [tag(r#""x""#), tag(&valid(9).join(",")).replace("4,", "5,"), tag(r#""1.2.0.0/24""#)];
    let read = document(&public(&split.join(",")));
    assert_eq!((read.list.entries.len(), read.list.origin.tag_change_number), (9, Some(5)));
    let split = [tag(r#""x""#), tag(&valid(8).join(","))];
    let error = with(&public(&split.join(",")), &Options::default()).unwrap_err();
    assert_eq!(error.reason(), Reason::TooManyInvalid);
}

#[test]
fn a_difference_between_the_tag_and_its_regions_is_a_warning() {
    let values = [
        tag(r#""1.2.3.0/24","1.2.4.1/24""#),
        value("Dynamics365ForMarketingEmail.WestUS2", r#""1.2.4.0/24","1.2.5.0/24""#),
    ];
    let read = document(&public(&values.join(",")));
    assert_eq!(shown(&read), ["1.2.3.0/24 -", "1.2.4.1/24 WestUS2"]);
    let warnings: Vec<_> = read.list.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "1 of the tag's prefixes are in none of its regional entries; the first is 1.2.3.0/24",
            "1 prefixes are in a regional entry of the tag but not in the tag, and are not used; the first is 1.2.5.0/24",
        ]
    );
}

#[test]
fn a_region_with_a_known_geo_is_preferred() {
    let of = |regional: &str, azure: &str| {
        let regional = value(&format!("{TAG}.{regional}"), r#""1.2.3.0/24""#);
        let azure = value(&format!("AzureCloud.{azure}"), r#""1.2.0.0/16""#);
        document(&public(&[tag(r#""1.2.3.0/24""#), regional, azure].join(","))).list.entries[0].region.clone()
    };
    assert_eq!(of("WestUS2", "uksouth").as_deref(), Some("WestUS2"));
    assert_eq!(of("Mars", "uksouth").as_deref(), Some("uksouth"));
    assert_eq!(of("Mars", "mars2").as_deref(), Some("Mars"));
    assert_eq!(of("", "mars2").as_deref(), Some("mars2"));
    assert_eq!(of("a\\u0007", "").as_deref(), None);
}

#[test]
fn azures_regions_are_kept_on_request() {
    let values = [
        tag(r#""1.2.3.0/24""#),
        value("AzureCloud.uksouth", r#""1.2.0.0/16","x",7"#),
        value("AzureCloud", r#""9.0.0.0/8""#),
    ];
    let options = Options { keep_azure: true, ..Options::default() };
    let azure = with(&public(&values.join(",")), &options).unwrap().azure.unwrap();
    assert_eq!(azure.iter().collect::<Vec<_>>(), [("1.2.0.0/16".parse().unwrap(), "uksouth")]);
    assert_eq!(azure.of([1, 2, 9, 9].into()), Some("uksouth"));
}

#[test]
fn a_document_is_a_list_with_geos() {
    let values = [
        tag(&[r#""13.71.171.0/24","4.166.33.32/27","x""#.to_owned(), [r#""9.9.9.0/24""#; 7].join(",")]
            .join(",")),
        value(&format!("{TAG}.SwedenCentral"), r#""4.166.33.32/27""#),
    ];
    let mut list = document(&public(&values.join(","))).list;
    let origin = Origin { change_number: Some(398), tag_change_number: Some(4), ..Origin::default() };
    assert_eq!(list.origin, origin);
    list.origin.name = "azure:public".to_owned();
    let set = RangeSet::build(&[list], &Policy::default()).unwrap();
    let geos: Vec<_> = set.ranges().iter().map(|range| format!("{} {}", range.prefix, range.geo)).collect();
    assert_eq!(
        geos,
        ["4.166.33.32/27 SWE (inferred)", "9.9.9.0/24 ZZZ (unknown)", "13.71.171.0/24 CAN (documented)"]
    );
    assert_eq!(
        set.warnings()[0].to_string(),
        "azure:public: 1 of the tag's entries are not prefixes and are skipped; the first is \"x\""
    );
}
