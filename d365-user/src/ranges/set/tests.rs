//! Tests the set with single cases.

use ipnet::IpNet;

use super::*;
use crate::source::{ListEntry, embedded, plain};
use crate::{
    geo::{Geo, GeoSource},
    ranges::Warning,
};

const LAB: Policy = Policy { allow_special: true, max_ranges: 8 };

/// A list with this name and this text.
fn list(name: &str, text: &str) -> List {
    plain::parse(text.as_bytes(), name).unwrap()
}

fn build(texts: &[&str], policy: &Policy) -> Result<RangeSet, RangeError> {
    let names = ["a", "b", "c"];
    let lists: Vec<_> = names.iter().zip(texts).map(|(name, text)| list(name, text)).collect();
    RangeSet::build(&lists, policy)
}

fn set(texts: &[&str]) -> RangeSet {
    build(texts, &Policy::default()).unwrap()
}

fn refused(texts: &[&str]) -> String {
    build(texts, &Policy::default()).unwrap_err().to_string()
}

fn shown(set: &RangeSet) -> Vec<String> {
    let show = |r: &Range| format!("{} {} {}", r.prefix, r.geo, r.region.as_deref().unwrap_or("-"));
    set.ranges().iter().map(show).collect()
}

fn warned(set: &RangeSet) -> Vec<String> {
    set.warnings().iter().map(Warning::to_string).collect()
}

#[test]
fn host_bits_are_cleared_with_a_warning() {
    let set = set(&["13.1.2.3/24,FRA\n13.1.2.0/24,FRA\n2603::1/20"]);
    assert_eq!(shown(&set), ["13.1.2.0/24 FRA (configured) -", "2603::/20 ZZZ (unknown) -"]);
    let expected = [
        "a, line 1: 13.1.2.3/24 has host bits set; taken as 13.1.2.0/24",
        "a, line 3: 2603::1/20 has host bits set; taken as 2603::/20",
    ];
    assert_eq!(warned(&set), expected);
}

#[test]
fn a_refused_prefix_refuses_everything_and_is_named() {
    assert_eq!(
        refused(&["13.1.2.0/24", "13.1.3.0/24\n0.0.0.0/0\n10.0.0.0/8\n::/0"]),
        "b, line 2: prefix 0.0.0.0/0 is refused: broader than /8, so it would cover other networks too; \
         list the narrower prefixes that are meant (2 more refused)"
    );
    assert_eq!(
        refused(&["192.168.1.9/24"]),
        "a, line 1: prefix 192.168.1.9/24 is refused: 192.168.0.0/16 is private; \
         correct the list, or pass --allow-special in a lab"
    );
    assert_eq!(
        refused(&["172.0.0.0/8"]),
        "a, line 1: prefix 172.0.0.0/8 is refused: 172.16.0.0/12 is private; \
         correct the list, or pass --allow-special in a lab"
    );
}

#[test]
fn a_lab_takes_special_space_but_nothing_broader() {
    let set = build(&["127.0.0.0/8\n2001:db8::/32\n::ffff:1.2.3.0/120"], &LAB).unwrap();
    assert_eq!(set.ranges().len(), 3);
    let error = build(&["0.0.0.0/7"], &LAB).unwrap_err();
    assert!(matches!(
        error,
        RangeError::Refused { refusal: crate::ranges::Refusal::TooBroad { limit: 8 }, .. }
    ));
}

#[test]
fn a_list_cannot_change_a_documented_geo() {
    let set = set(&["13.71.171.0/24,FRA\n13.71.171.0/25,DEU,WestUS\n13.71.171.0/24,CAN\n13.71.171.0/24,ZZZ"]);
    assert_eq!(shown(&set), ["13.71.171.0/24 CAN (documented) -", "13.71.171.0/25 CAN (documented) WestUS"]);
    let expected = [
        "a, line 1: geo FRA of 13.71.171.0/24 is ignored; the vendor documents CAN",
        "a, line 2: geo DEU of 13.71.171.0/25 is ignored; the vendor documents CAN",
        "13.71.171.0/25 lies within 13.71.171.0/24, of the same geo CAN; it is counted on its own",
    ];
    assert_eq!(warned(&set), expected);
}

#[test]
fn the_first_of_two_geos_is_kept() {
    let set = set(&["13.1.2.0/24,FRA", "13.1.2.0/24,,WestUS", "13.1.2.0/24,FRA"]);
    assert_eq!(shown(&set), ["13.1.2.0/24 FRA (configured) -"]);
    let expected = "13.1.2.0/24 has two geos: FRA (configured) from a, line 1, kept, and NAM (inferred) from b, line 1, \
                ignored; the list named first wins";
    assert_eq!(warned(&set), [expected]);
}

/// The set keeps the region from which the kept geo was inferred.
#[test]
fn a_region_without_a_geo_gives_way_to_one_with() {
    let set = set(&["13.1.2.0/24,,Atlantis", "13.1.2.0/24,,EastUS"]);
    assert_eq!(shown(&set), ["13.1.2.0/24 NAM (inferred) EastUS"]);
    assert_eq!(warned(&set), ["a, line 1: no geo is known for the region \"Atlantis\"; counted as ZZZ"]);
}

/// A known geo wins over an unknown one, and of the same geo the better source. A region is kept if only one
/// entry names it.
#[test]
fn two_entries_of_a_prefix_merge_alike_in_either_order() {
    let known = "13.1.2.0/24 NAM (inferred) EastUS";
    for (one, other, merged) in [
        ("13.1.2.0/24", "13.1.2.0/24,,EastUS", known),
        ("13.1.2.0/24,NAM", "13.1.2.0/24,,EastUS", known),
        ("13.1.2.0/24,FRA", "13.1.2.0/24,,Mars", "13.1.2.0/24 FRA (configured) Mars"),
        ("13.71.171.0/24", "13.71.171.0/24,,Canada", "13.71.171.0/24 CAN (documented) Canada"),
    ] {
        for texts in [[one, other], [other, one]] {
            assert_eq!(shown(&set(&texts)), [merged], "{texts:?}");
        }
    }
}

#[test]
fn nested_prefixes_are_kept_and_noted_when_the_geo_is_the_same() {
    let set = set(&[
        "13.0.0.0/8,FRA\n13.1.0.0/16,DEU\n13.1.2.0/24,FRA\n13.1.3.0/24,DEU\n13.2.0.0/16,,FranceSouth\n14.0.0.0/8,FRA",
    ]);
    assert_eq!(set.ranges().len(), 6);
    let expected = [
        "13.1.3.0/24 lies within 13.1.0.0/16, of the same geo DEU; it is counted on its own",
        "13.2.0.0/16 lies within 13.0.0.0/8, of the same geo FRA; it is counted on its own",
    ];
    assert_eq!(warned(&set), expected);
}

#[test]
fn odd_names_are_reported_once() {
    let set = set(&["13.1.0.0/24,LAB\n13.1.1.0/24,LAB\n13.1.2.0/24,,Mars\n13.1.3.0/24,,Mars"]);
    let expected = [
        "a, line 1: geo LAB is not a registered one; it is counted, but it has no number for a tag",
        "a, line 3: no geo is known for the region \"Mars\"; counted as ZZZ",
    ];
    assert_eq!(warned(&set), expected);
}

#[test]
fn capacity_ends_exactly_at_the_limit_and_counts_merged_ranges() {
    let lines =
        |count: u32| (0..count).map(|i| format!("13.0.{i}.0/24\n13.0.{i}.7/24\n")).collect::<String>();
    assert_eq!(build(&[&lines(8)], &LAB).unwrap().ranges().len(), 8);
    let error = build(&[&lines(9)], &LAB).unwrap_err();
    assert_eq!(error, RangeError::TooMany { count: 9, limit: 8 });
    assert_eq!(
        error.to_string(),
        "the lists hold 9 ranges, and the limit is 8; raise --max-ranges (at most 131072) or shorten the lists"
    );
}

#[test]
fn the_highest_capacity_can_be_filled() {
    let host = |number: u32| IpNet::from(IpAddr::V4((0x0d00_0000 + number).into()));
    let entry = |number| ListEntry { prefix: host(number), geo: None, region: None, line: 1 };
    let policy = Policy { allow_special: false, max_ranges: Policy::HIGHEST_MAX_RANGES };
    let mut full = list("a", "14.0.0.0");
    full.entries = (0..Policy::HIGHEST_MAX_RANGES).map(entry).collect();
    assert_eq!(RangeSet::build(std::slice::from_ref(&full), &policy).unwrap().ranges().len(), 131_072);
    let error = RangeSet::build(&[full, list("b", "14.0.0.0")], &policy).unwrap_err();
    assert_eq!(error, RangeError::TooMany { count: 131_073, limit: 131_072 });
}

#[test]
fn no_list_is_an_error() {
    let empty = List { entries: Vec::new(), ..list("a", "13.0.0.0/8") };
    assert_eq!(RangeSet::build(&[], &LAB), Err(RangeError::Empty));
    assert_eq!(RangeSet::build(&[empty], &LAB), Err(RangeError::Empty));
}

/// The digest covers only the documented text; the expected value comes from `sha256sum`.
#[test]
fn the_digest_is_that_of_the_documented_text() {
    let set = set(&["2603::/20\n13.71.171.0/24\n13.1.2.0/24,FRA,here"]);
    let expected = "f5838d7f3892c43c617708a731095790c4dbe96047249152d04210af13bda014";
    assert_eq!(set.digest(), expected);
    assert_eq!(
        build(&["13.1.2.0/24,FRA\n", "2603::1/20\n13.71.171.0/24,DEU"], &LAB).unwrap().digest(),
        expected
    );
    assert_ne!(build(&["13.1.2.0/24,FRA"], &LAB).unwrap().digest(), expected);
}

#[test]
fn the_longest_prefix_decides() {
    let set = set(&["13.0.0.0/8,FRA\n13.1.0.0/16,DEU\n2603::/20,ITA"]);
    let of = |address: &str| {
        set.longest_match(address.parse().unwrap()).map(|(index, range)| (index, range.geo.code.to_string()))
    };
    assert_eq!(of("13.1.255.255"), Some((1, "DEU".to_owned())));
    assert_eq!(of("13.2.0.0"), Some((0, "FRA".to_owned())));
    assert_eq!(of("2603::1"), Some((2, "ITA".to_owned())));
    assert_eq!(of("14.0.0.0"), None);
    assert_eq!(of("::ffff:13.1.0.0"), None);
}

#[test]
fn the_embedded_list_builds_without_a_warning_in_its_own_order() {
    let list = embedded::list().unwrap();
    let set = RangeSet::build(std::slice::from_ref(&list), &Policy::default()).unwrap();
    assert_eq!(warned(&set), [""; 0]);
    let prefixes = |range: &Range| range.prefix;
    let written: Vec<_> = list.entries.iter().map(|entry| entry.prefix).collect();
    assert_eq!(set.ranges().iter().map(prefixes).collect::<Vec<_>>(), written);
}

#[test]
fn an_operators_list_adds_to_the_embedded_one() {
    let own = list("own", "13.1.2.0/24,FRA\n40.78.242.0/25,FRA");
    let set = RangeSet::build(&[embedded::list().unwrap(), own], &Policy::default()).unwrap();
    assert_eq!(set.ranges().len(), 40);
    assert_eq!(
        set.origins().iter().map(|origin| origin.name.as_str()).collect::<Vec<_>>(),
        ["embedded", "own"]
    );
    let nam: IpNet = "40.78.242.0/25".parse().unwrap();
    let range = set.ranges().iter().find(|range| range.prefix == nam).unwrap();
    assert_eq!(range.geo.source, GeoSource::Documented);
    assert_ne!(range.geo, Geo::UNKNOWN);
    assert_eq!(set.warnings().len(), 1);
}
