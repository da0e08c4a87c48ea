//! Property tests of the set, with random lists.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use proptest::{prelude::*, sample::select};

use super::*;
use crate::source::{ListEntry, plain};
use crate::{
    geo::{GeoCode, GeoSource, documented},
    ranges::{Warning, special},
};

/// Any prefix, including host bits and special space.
fn any_prefix() -> impl Strategy<Value = IpNet> {
    (any::<IpAddr>(), 0..=128u8).prop_map(|(address, length)| {
        IpNet::new(address, length.min(IpNet::from(address).max_prefix_len())).unwrap()
    })
}

/// An acceptable prefix from a small space, so that many are equal or nested. Some are documented, or inside
/// documented ranges.
fn good_prefix() -> impl Strategy<Value = IpNet> {
    let of = |address: IpAddr, length| IpNet::new(address, length).unwrap();
    prop_oneof![
        (0..1024u32, 20..=32u8)
            .prop_map(move |(low, length)| of(Ipv4Addr::from(0x0d01_0000 + low).into(), length)),
        (0..64u128, 120..=128u8)
            .prop_map(move |(low, length)| of(Ipv6Addr::from((0x2603_u128 << 112) + low).into(), length)),
        documented_prefix(),
    ]
}

/// A documented range or a part of one.
fn documented_prefix() -> impl Strategy<Value = IpNet> {
    (0..documented().len(), 0..=7u8, any::<u32>()).prop_map(|(index, deeper, low)| {
        let range = documented()[index].0;
        let IpAddr::V4(first) = range.addr() else { unreachable!("the table is IPv4") };
        let hosts = !0 >> range.prefix_len();
        let address = Ipv4Addr::from(u32::from(first) | low & hosts);
        IpNet::new(address.into(), (range.prefix_len() + deeper).min(32)).unwrap()
    })
}

fn any_geo() -> impl Strategy<Value = Option<GeoCode>> {
    prop::option::of(
        prop_oneof!["NAM|FRA|DEU|ZZZ|LAB", "[A-Z]{3}"].prop_map(|code| GeoCode::new(&code).unwrap()),
    )
}

fn any_region() -> impl Strategy<Value = Option<String>> {
    prop::option::of(prop_oneof!["WestUS|FranceSouth|germanyn|Mars", any::<String>()])
}

fn entries(prefix: impl Strategy<Value = IpNet>) -> impl Strategy<Value = Vec<ListEntry>> {
    let entry = (prefix, any_geo(), any_region(), any::<usize>())
        .prop_map(|(prefix, geo, region, line)| ListEntry { prefix, geo, region, line });
    prop::collection::vec(entry, 0..24)
}

fn list(entries: Vec<ListEntry>) -> List {
    List { origin: Origin { name: "list".to_owned(), ..Origin::default() }, entries, warnings: Vec::new() }
}

fn lists(prefix: impl Strategy<Value = IpNet>) -> impl Strategy<Value = Vec<List>> {
    prop::collection::vec(entries(prefix).prop_map(list), 0..4)
}

/// The set as a list. A geo that `build` attributes again is left out.
fn back(set: &RangeSet) -> List {
    let entry = |(index, range): (usize, &Range)| {
        let geo = (range.geo.source == GeoSource::Configured).then_some(range.geo.code);
        ListEntry { prefix: range.prefix, geo, region: range.region.clone(), line: index + 1 }
    };
    list(set.ranges().iter().enumerate().map(entry).collect())
}

/// A region name that a line can contain: no comma, no comment, no space at either end.
fn written_region() -> impl Strategy<Value = String> {
    r#"WestUS|[!"$-+\x2d-~]([ !"$-+\x2d-~]{0,62}[!"$-+\x2d-~])?"#
}

/// The layout around a line's fields: text before the line, space, true for lower case, line end.
type Layout = (&'static str, &'static str, bool, &'static str);

fn any_layout() -> impl Strategy<Value = Layout> {
    let before = select(vec!["", "", "\n", "# a comment, with a comma\n", " \t\r\n"]);
    let end = select(vec!["\n", "\r\n", " \n", "# Toronto\n"]);
    (before, select(vec!["", " ", "\t"]), any::<bool>(), end)
}

/// An entry as a line of a plain list. Empty fields at the end may be left out.
fn written(entry: &ListEntry, (before, space, is_lower, end): &Layout) -> String {
    let mut geo = entry.geo.map(|geo| geo.to_string()).unwrap_or_default();
    if *is_lower {
        geo.make_ascii_lowercase();
    }
    let prefix = match entry.prefix {
        prefix if *is_lower && prefix.prefix_len() == prefix.max_prefix_len() => prefix.addr().to_string(),
        prefix => prefix.to_string(),
    };
    let fields = match &entry.region {
        Some(region) => format!("{prefix}{space},{space}{geo},{space}{region}"),
        None if geo.is_empty() && *is_lower => prefix,
        None => format!("{prefix},{geo}{space}"),
    };
    format!("{before}{space}{fields}{end}")
}

fn check_invariants(set: &RangeSet, policy: &Policy) -> Result<(), TestCaseError> {
    prop_assert!(!set.ranges().is_empty() && set.ranges().len() <= policy.max_ranges as usize);
    prop_assert!(set.ranges().is_sorted_by(|one, next| one.prefix < next.prefix));
    for range in set.ranges() {
        prop_assert_eq!(range.prefix, range.prefix.trunc());
        prop_assert!(policy.allow_special || special::overlapping(&range.prefix).is_none());
        let broadest = if range.prefix.addr().is_ipv4() { 8 } else { 19 };
        prop_assert!(range.prefix.prefix_len() >= broadest);
        prop_assert_eq!(range.geo.code == GeoCode::UNKNOWN, range.geo.source == GeoSource::Unknown);
    }
    prop_assert!(set.warnings().iter().all(|warning| !warning.to_string().contains(char::is_control)));
    prop_assert_eq!(set.digest().len(), 64);
    Ok(())
}

proptest! {
    #[test]
    fn any_lists_are_a_sound_set_or_an_error(
        lists in prop_oneof![lists(any_prefix()), lists(good_prefix())],
        allow_special in any::<bool>(),
        max_ranges in prop_oneof![0..32u32, any::<u32>()],
    ) {
        let policy = Policy { allow_special, max_ranges };
        match RangeSet::build(&lists, &policy) {
            Ok(set) => check_invariants(&set, &policy)?,
            Err(error) => prop_assert!(!error.to_string().contains(char::is_control)),
        }
    }

    #[test]
    fn good_prefixes_all_match_and_nothing_else_is_added(lists in lists(good_prefix())) {
        let written: Vec<IpNet> = lists.iter().flat_map(|list| &list.entries).map(|entry| entry.prefix).collect();
        let built = RangeSet::build(&lists, &Policy::default());
        if written.is_empty() {
            prop_assert_eq!(built, Err(RangeError::Empty));
            return Ok(());
        }
        let set = built.unwrap();
        for prefix in &written {
            let (index, range) = set.longest_match(prefix.addr()).unwrap();
            prop_assert_eq!(&set.ranges()[index], range);
            prop_assert!(set.ranges().iter().any(|range| range.prefix == prefix.trunc()));
        }
        for range in set.ranges() {
            prop_assert!(written.iter().any(|prefix| prefix.trunc() == range.prefix));
        }
    }

    /// A set that is written as a plain list, in any layout, is the same set when it is read again.
    #[test]
    fn a_set_written_as_a_plain_list_is_the_same(
        lists in lists(good_prefix()),
        regions in prop::collection::vec(prop::option::of(written_region()), 24),
        layout in prop::collection::vec(any_layout(), 24),
        has_mark: bool,
    ) {
        let mut lists = lists;
        let entries = lists.iter_mut().flat_map(|list| &mut list.entries);
        entries.zip(regions.iter().cycle()).for_each(|(entry, region)| entry.region.clone_from(region));
        let Ok(set) = RangeSet::build(&lists, &Policy::default()) else { return Ok(()) };
        let entries = back(&set).entries;
        let lines = entries.iter().zip(layout.iter().cycle()).map(|(entry, layout)| written(entry, layout));
        let text = if has_mark { "\u{feff}" } else { "" }.to_owned() + &lines.collect::<String>();
        let read = plain::parse(text.as_bytes(), "list").unwrap();
        let again = RangeSet::build(&[read], &Policy::default()).unwrap();
        prop_assert_eq!(again.ranges(), set.ranges(), "{}", text);
        prop_assert_eq!(again.digest(), set.digest());
    }

    /// Without a conflict, neither the order of the entries nor that of the lists matters.
    #[test]
    fn order_does_not_matter_without_conflicts(
        (entries, shuffled) in entries(good_prefix())
            .prop_flat_map(|entries| (Just(entries.clone()), Just(entries).prop_shuffle())),
        at in any::<prop::sample::Index>(),
    ) {
        let mut one = shuffled;
        let other = one.split_off(at.index(one.len() + 1));
        let straight = RangeSet::build(&[list(entries)], &Policy::default());
        let crossed = RangeSet::build(&[list(other), list(one)], &Policy::default());
        prop_assert_eq!(straight.is_ok(), crossed.is_ok());
        let (Ok(straight), Ok(crossed)) = (straight, crossed) else { return Ok(()) };
        let conflict = |warning: &Warning| matches!(warning, Warning::GeoConflict { .. });
        prop_assert_eq!(straight.warnings().iter().any(conflict), crossed.warnings().iter().any(conflict));
        prop_assert_eq!(straight.ranges().len(), crossed.ranges().len());
        if !straight.warnings().iter().any(conflict) {
            prop_assert_eq!(straight.digest(), crossed.digest());
        }
    }

    /// No list, however odd, changes the geo of an address that the vendor documents.
    #[test]
    fn a_documented_geo_is_never_changed(claims in entries(documented_prefix()), more in lists(good_prefix())) {
        let lists: Vec<List> = more.into_iter().chain([list(claims)]).collect();
        let Ok(set) = RangeSet::build(&lists, &Policy::default()) else { return Ok(()) };
        for (prefix, code) in documented() {
            for range in set.ranges().iter().filter(|range| prefix.contains(&range.prefix)) {
                prop_assert_eq!(range.geo.source, GeoSource::Documented);
                prop_assert_eq!(range.geo.code, *code);
            }
        }
    }
}
