//! The lists, their export by the program, and the addresses that are in them.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use d365_tests::{task, temp::TempDir};
use d365_user::{
    geo::{Geo, GeoCode, GeoSource},
    published::{Lease, PublishedList, PublishedRange, PublishedSource, file},
    state_files,
};
use ipnet::{IpNet, Ipv4Net};
use oorandom::Rand64;

use crate::mail::embedded;

/// Sources for connections: of [`Case::both_families`], and of no list.
pub(super) const LISTED: [&str; 2] = ["13.71.171.9", "2001:db8:365::9"];
pub(super) const STRANGERS: [&str; 2] = ["198.51.100.7", "2001:db8:2::7"];
/// Number of ranges in the long list.
const LONG: usize = 10_000;

/// A list that a daemon has published into a directory of its own, and addresses to ask about.
pub(super) struct Case {
    directory: TempDir,
    /// The first and the last address of ranges, and their neighbours.
    pub(super) addresses: Vec<IpAddr>,
    /// Those of the addresses that a range contains.
    pub(super) listed: BTreeSet<IpAddr>,
}

impl Case {
    /// The embedded list, a list of both families, and a long list with overlaps. The addresses of the long
    /// one are those of every `step`th range.
    pub(super) fn all(step: usize) -> [Self; 3] {
        [Self::embedded(), Self::both_families(), Self::long(step, 0)]
    }

    /// The embedded list, which is the vendor's.
    pub(super) fn embedded() -> Self {
        let ranges = embedded().ranges().iter().map(|range| (range.prefix, range.geo)).collect();
        Self::new(&ranges, 1)
    }

    /// Overlaps, neighbours, single addresses, and prefixes of IPv6 with zeros at every place of their text.
    pub(super) fn both_families() -> Self {
        let prefixes = [
            "13.71.171.0/24",
            "13.71.171.128/27",
            "13.71.172.0/24",
            "40.78.242.7/32",
            "2001:db8::/47",
            "2001:db8:0:7::/64",
            "2001:db8:365::/48",
            "2001:db8:400:0:0:1::/96",
            "2603:1010:3:400::/56",
            "2603:1010:4:0:480::/73",
            "2a01:111:f400:0:1:0:0:9/128",
            "2a01:111:f403:8000::/50",
        ];
        Self::new(&prefixes.iter().map(|prefix| (prefix.parse().unwrap(), geo())).collect(), 1)
    }

    /// A long list. Another seed is another list.
    pub(super) fn long(step: usize, seed: u128) -> Self {
        let mut random = Rand64::new(seed);
        let mut ranges = BTreeMap::new();
        let mut last = IpNet::from(Ipv4Net::new_assert(Ipv4Addr::new(20, 0, 0, 0), 24));
        while ranges.len() < LONG {
            last = following(&mut random, last);
            ranges.insert(last, geo());
        }
        Self::new(&ranges, step)
    }

    fn new(ranges: &BTreeMap<IpNet, Geo>, step: usize) -> Self {
        let directory = TempDir::new("published");
        let range = |(prefix, geo): (&IpNet, &Geo)| PublishedRange {
            prefix: *prefix,
            geo: *geo,
            region: None,
            sources: vec![0],
        };
        let source =
            PublishedSource { name: "embedded".to_owned(), lease: Lease::Endless, ..Default::default() };
        let list = PublishedList {
            generation: 1,
            sources: vec![source],
            ranges: ranges.iter().map(range).collect(),
            ..Default::default()
        };
        let state = state_files::open(directory.path()).unwrap();
        file::save(&state, &list).unwrap();
        let intervals = Intervals::of(ranges.keys());
        let addresses: BTreeSet<IpAddr> = ranges.keys().step_by(step).flat_map(edges).collect();
        let listed = addresses.iter().copied().filter(|address| intervals.have(*address)).collect();
        Self { directory, addresses: addresses.into_iter().collect(), listed }
    }

    /// The list as `d365-user export` prints it.
    pub(super) fn export(&self, format: &str) -> String {
        let directory = self.directory.path().to_str().unwrap();
        let done = task::run(&["export", "--format", format, "--state-dir", directory]).unwrap();
        assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{format}");
        done.stdout
    }

    /// Fails unless these are the listed addresses.
    pub(super) fn agree(&self, found: &BTreeSet<IpAddr>) {
        let differing: Vec<_> = self.listed.symmetric_difference(found).take(10).collect();
        assert!(differing.is_empty(), "of {} addresses: {differing:?}", self.addresses.len());
        assert!(found.len() < self.addresses.len() && !found.is_empty());
    }

    /// Asks about each address.
    pub(super) fn ask(&self, is_listed: impl Fn(IpAddr) -> bool) {
        self.agree(&self.addresses.iter().copied().filter(|address| is_listed(*address)).collect());
    }

    /// Asks the prefixes that a program prints.
    pub(super) fn ask_prefixes(&self, prefixes: &[IpNet]) {
        let intervals = Intervals::of(prefixes);
        self.ask(|address| intervals.have(address));
    }
}

fn geo() -> Geo {
    Geo { code: GeoCode::new("CAN").unwrap(), source: GeoSource::Configured }
}

/// A prefix of either family somewhere, a part of the prefix before it, or its neighbour.
fn following(random: &mut Rand64, last: IpNet) -> IpNet {
    let length = last.prefix_len();
    let prefix =
        |address: IpAddr, length: u64| IpNet::new(address, u8::try_from(length).unwrap()).unwrap().trunc();
    match random.rand_range(0..4) {
        0 => {
            let address = 0x1400_0000 + u32::try_from(random.rand_range(0..1 << 26)).unwrap();
            prefix(Ipv4Addr::from(address).into(), random.rand_range(18..33))
        }
        1 => {
            let groups = u128::from(random.rand_u64()) << 40 | u128::from(random.rand_range(0..3));
            prefix(Ipv6Addr::from(0x2a01_0100 << 96 | groups).into(), random.rand_range(36..129))
        }
        2 if length < last.max_prefix_len() => last.subnets(length + 1).unwrap().nth(1).unwrap(),
        _ => {
            let sibling = last.supernet().unwrap().subnets(length).unwrap();
            sibling.into_iter().find(|prefix| *prefix != last).unwrap()
        }
    }
}

/// The first and the last address of a prefix, and the addresses next to them.
fn edges(prefix: &IpNet) -> Vec<IpAddr> {
    let (first, last) = (number(prefix.network()), number(prefix.broadcast()));
    let address = |number: u128| match prefix {
        IpNet::V4(_) => Ipv4Addr::from(u32::try_from(number).unwrap()).into(),
        IpNet::V6(_) => Ipv6Addr::from(number).into(),
    };
    [first - 1, first, last, last + 1].map(address).to_vec()
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

/// The addresses of prefixes as intervals without overlap: the last address by the first, for each family.
struct Intervals([BTreeMap<u128, u128>; 2]);

impl Intervals {
    fn of<'a>(prefixes: impl IntoIterator<Item = &'a IpNet>) -> Self {
        let mut sorted: Vec<(bool, u128, u128)> = prefixes
            .into_iter()
            .map(|prefix| {
                let is_v6 = matches!(prefix, IpNet::V6(_));
                (is_v6, number(prefix.network()), number(prefix.broadcast()))
            })
            .collect();
        sorted.sort_unstable();
        let mut all = [BTreeMap::new(), BTreeMap::new()];
        for (is_v6, first, last) in sorted {
            let family = &mut all[usize::from(is_v6)];
            match family.last_entry() {
                Some(mut before) if *before.get() >= first => {
                    let end = last.max(*before.get());
                    before.insert(end);
                }
                _ => drop(family.insert(first, last)),
            }
        }
        Self(all)
    }

    fn have(&self, address: IpAddr) -> bool {
        let family = &self.0[usize::from(address.is_ipv6())];
        family.range(..=number(address)).next_back().is_some_and(|(_, last)| *last >= number(address))
    }
}
