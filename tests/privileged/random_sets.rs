//! Random range sets of both families, with nested and neighbouring ranges. Each set is compiled, verified
//! and published. References check the kernel program's answers; none is the compiler or the kernel's trie.

use std::{
    cell::{Cell, RefCell},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use d365_common::direct;
use d365_tests::require;
use d365_user::{
    kernel::Options,
    ranges::{Policy, Range, RangeSet},
    source::{List, ListEntry, Origin},
};
use ipnet::IpNet;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use crate::judged::{Judged, edges, longest_match, options};

/// Number of sets.
const CASES: u32 = 192;

/// Upper limits for the pages of the direct table, used in turn: enough for nothing, for little, for some,
/// for all.
const PAGES: [u32; 4] = [0, 1, 8, direct::DEFAULT_PAGES];

/// Any address, mostly in a few neighbouring /16 (IPv4) or /32 (IPv6), and there mostly near their edges.
fn any_address() -> impl Strategy<Value = IpAddr> {
    let near = || prop_oneof![0..4u16, any::<u16>(), 0xfffc..=0xffff_u16];
    let v4 = (0x0d46..0x0d49_u32, near())
        .prop_map(|(high, low)| IpAddr::from(Ipv4Addr::from(high << 16 | u32::from(low))));
    let v6 = (0x2603_1030..0x2603_1033_u128, near(), near()).prop_map(|(high, middle, low)| {
        IpAddr::from(Ipv6Addr::from(high << 96 | u128::from(middle) << 80 | u128::from(low)))
    });
    prop_oneof![4 => v4, 4 => v6, 1 => any::<IpAddr>()]
}

fn any_prefix() -> impl Strategy<Value = IpNet> {
    let broadest = |address: &IpAddr| match address {
        IpAddr::V4(_) => Policy::BROADEST_IPV4,
        IpAddr::V6(_) => Policy::BROADEST_IPV6,
    };
    (any_address(), any::<u8>(), any::<bool>()).prop_map(move |(address, length, long)| {
        let most = IpNet::from(address).max_prefix_len();
        let least = if long { most / 2 } else { broadest(&address) };
        IpNet::new(address, least + length % (most - least + 1)).unwrap()
    })
}

/// The set of a list with these prefixes, built as by the daemon.
fn set(prefixes: &[IpNet]) -> RangeSet {
    let entry =
        |(line, prefix): (usize, &IpNet)| ListEntry { prefix: *prefix, geo: None, region: None, line };
    let entries = (1..).zip(prefixes).map(entry).collect();
    let origin = Origin { name: "random".to_owned(), ..Origin::default() };
    let list = List { origin, entries, warnings: Vec::new() };
    RangeSet::build(&[list], &Policy { allow_special: true, ..Policy::default() }).unwrap()
}

/// The range that decides for an address, found by a comparison of bits: the longest of the prefixes whose
/// bits all equal the address's.
fn by_bits(ranges: &[Range], address: IpAddr) -> Option<usize> {
    let bits = |address| match address {
        IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
        IpAddr::V6(address) => u128::from(address),
    };
    let agrees = |range: &Range| {
        let differing = (bits(range.prefix.addr()) ^ bits(address)).leading_zeros();
        range.prefix.addr().is_ipv4() == address.is_ipv4() && differing >= range.prefix.prefix_len().into()
    };
    let holding = ranges.iter().enumerate().filter(|(_, range)| agrees(range));
    holding.max_by_key(|(_, range)| range.prefix.prefix_len()).map(|(position, _)| position)
}

#[test]
fn the_kernel_looks_up_what_two_references_say() {
    require!(Root);
    let by = |max_pages| RefCell::new(Judged::by(Vec::new(), &Options { max_pages, ..options() }));
    let all_judged = PAGES.map(by);
    let turns = Cell::new(0);
    let [listed, nested, unlisted] = [(); 3].map(|()| Cell::new(0_u32));
    let count = |of: &Cell<u32>| of.set(of.get() + 1);
    let sets = (prop::collection::vec(any_prefix(), 1..40), prop::collection::vec(any_address(), 40));
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&sets, |(prefixes, addresses)| {
        let set = set(&prefixes);
        let turn = turns.replace(turns.get() + 1);
        let mut judged = all_judged[turn % PAGES.len()].borrow_mut();
        judged.publish(set.ranges().to_vec());
        let edges = set.ranges().iter().flat_map(|range| edges(range.prefix));
        for source in edges.chain(addresses) {
            let expected = set.longest_match(source).map(|(position, _)| position);
            prop_assert_eq!(by_bits(set.ranges(), source), expected, "both references, {}", source);
            prop_assert_eq!(longest_match(&judged.ranges, source), expected, "the third, {}", source);
            judged.looks_up("random", source);
            let holding = set.ranges().iter().filter(|range| range.prefix.contains(&source)).count();
            count([&unlisted, &listed, &nested][holding.min(2)]);
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    let asked = [&listed, &nested, &unlisted].map(Cell::get);
    assert!(asked.iter().all(|count| *count > 500), "listed once, nested, unlisted: {asked:?}");
}
