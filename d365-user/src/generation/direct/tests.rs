//! Compares the table with another crate's prefix trie, with enough pages and with too few.

use std::convert::Infallible;

use d365_common::direct;
use prefix_trie::PrefixMap;
use proptest::prelude::*;

use super::*;

type Entries = Vec<(IpNet, Entry)>;

fn entries(prefixes: &[&str]) -> Entries {
    let entry = |(slot, prefix): (u32, &&str)| (prefix.parse().unwrap(), Entry::new(slot, 7).unwrap());
    (0..).zip(prefixes).map(entry).collect()
}

/// The table's result for an address, found by the kernel program's own code.
fn lookup(table: &Table, address: IpAddr) -> TableLookup {
    let (root, first) = match address {
        IpAddr::V4(address) => (ROOT_V4, address.octets()),
        IpAddr::V6(address) => (ROOT_V6, first_four_bytes(address).to_be_bytes()),
    };
    let read = |page: u32, cell| {
        table.pages().get(page as usize).map(|cells| Cell::from_bits(cells[usize::from(cell)]))
    };
    direct::find(root, &first, read).lookup()
}

/// Longest-prefix match by another crate.
struct Reference {
    v4: PrefixMap<ipnet::Ipv4Net, Entry>,
    v6: PrefixMap<ipnet::Ipv6Net, Entry>,
}

impl Reference {
    fn new(entries: &Entries) -> Self {
        let mut reference = Self { v4: PrefixMap::new(), v6: PrefixMap::new() };
        for (prefix, entry) in entries {
            match prefix {
                IpNet::V4(net) => drop(reference.v4.insert(*net, *entry)),
                IpNet::V6(net) => drop(reference.v6.insert(*net, *entry)),
            }
        }
        reference
    }

    fn lookup_of(&self, address: IpAddr) -> TableLookup {
        let entry = match address {
            IpAddr::V4(address) => self.v4.get_lpm(&address.into()).map(|(_, entry)| *entry),
            IpAddr::V6(address) => self.v6.get_lpm(&address.into()).map(|(_, entry)| *entry),
        };
        entry.map_or(TableLookup::Unlisted, TableLookup::Listed)
    }
}

fn all_changes(table: &Table) -> Vec<Change> {
    let Ok(changes) = changes(|page| Ok::<_, Infallible>(table.pages().get(page as usize).copied()));
    changes
}

/// First and last address of a prefix, and their neighbours.
fn edges(prefix: IpNet) -> Vec<IpAddr> {
    let around = |address: IpAddr| match address {
        IpAddr::V4(address) => {
            let address = u32::from(address);
            [address.saturating_sub(1), address, address.saturating_add(1)]
                .map(|edge| IpAddr::from(Ipv4Addr::from(edge)))
        }
        IpAddr::V6(address) => {
            let address = u128::from(address);
            [address.saturating_sub(1), address, address.saturating_add(1)]
                .map(|edge| IpAddr::from(Ipv6Addr::from(edge)))
        }
    };
    [around(prefix.network()), around(prefix.broadcast())].concat()
}

#[test]
fn pages_are_used_where_ranges_end_within_a_byte() {
    let size = |prefixes: &[&str], max_pages| {
        let TableSize { pages, trie_blocks } = Table::new(&entries(prefixes), max_pages).size();
        (pages, trie_blocks)
    };
    assert_eq!(size(&[], 9), (0, 0));
    assert_eq!(size(&["11.0.0.0/8", "12.1.0.0/16", "2a00::/16"], 0), (0, 0));
    assert_eq!(size(&["11.1.0.0/17", "11.1.255.0/24", "11.2.3.0/24"], 9), (2, 0));
    assert_eq!(size(&["11.1.0.0/25", "11.1.0.128/32", "11.1.1.0/25"], 9), (3, 0));
    assert_eq!(size(&["2a00:1::/19", "2a00:1:2::/48", "2a00:1:3::/48"], 9), (2, 0));
}

#[test]
fn the_blocks_that_need_the_fewest_pages_have_them() {
    let entries = entries(&["11.1.0.0/25", "11.1.1.0/25", "11.2.0.0/24", "11.3.0.0/25", "11.0.0.0/8"]);
    let asks = |max_pages| {
        let table = Table::new(&entries, max_pages);
        assert!(table.size().pages <= max_pages);
        let asked = [1, 2, 3].map(|block| lookup(&table, [11, block, 0, 1].into()) == TableLookup::AskTrie);
        assert_eq!(asked.iter().filter(|asks| **asks).count(), table.size().trie_blocks as usize);
        assert_eq!(lookup(&table, [11, 9, 0, 0].into()), TableLookup::Listed(entries[4].1), "around them");
        asked
    };
    assert_eq!(asks(0), [true; 3]);
    assert_eq!(asks(1), [true, false, true]);
    assert_eq!(asks(2), [true, false, true]);
    assert_eq!(asks(3), [true, false, false]);
    assert_eq!(asks(5), [true, false, false]);
    assert_eq!(asks(6), [false; 3]);
}

#[test]
fn longer_ipv6_prefixes_are_the_tries() {
    let entries = entries(&["2a00:1::/32", "2a00:2::/32", "2a00:2:3::/48", "2b00::/20"]);
    let table = Table::new(&entries, 9);
    let lookup_of = |address: &str| lookup(&table, address.parse().unwrap());
    assert_eq!(lookup_of("2a00:1::9"), TableLookup::Listed(entries[0].1));
    assert_eq!(lookup_of("2a00:2::9"), TableLookup::AskTrie);
    assert_eq!(lookup_of("2a00:3::9"), TableLookup::Unlisted);
    assert_eq!(lookup_of("2b00:fff::"), TableLookup::Listed(entries[3].1));
    assert_eq!(lookup_of("2b00:1000::"), TableLookup::Unlisted);
}

#[test]
fn the_whole_of_both_families_can_be_listed() {
    let entries = entries(&["0.0.0.0/0", "255.255.255.255/32", "::/0", "ffff:ffff::/32"]);
    let table = Table::new(&entries, 9);
    assert_eq!(lookup(&table, [0, 0, 0, 0].into()), TableLookup::Listed(entries[0].1));
    assert_eq!(lookup(&table, [255, 255, 255, 255].into()), TableLookup::Listed(entries[1].1));
    let changed: Vec<_> = all_changes(&table).iter().map(|change| change.from.to_string()).collect();
    assert_eq!(changed, ["0.0.0.0", "255.255.255.255", "::", "ffff:ffff::"]);
}

/// A page that points to itself is followed no deeper than the last byte.
#[test]
fn a_ring_of_pages_has_an_end() {
    let mut reads = 0;
    let Ok(changes) = changes(|page| {
        reads += 1;
        let mut cells = [0; CELLS];
        if page == 0 || page == FIRST_PAGE {
            cells[0] = Cell::page(FIRST_PAGE).bits();
        }
        Ok::<_, Infallible>(Some(cells))
    });
    assert_eq!(reads, FIRST_PAGE + 2);
    assert_eq!(changes[0].lookup, TableLookup::AskTrie);
}

/// Returns true if two IPv6 addresses share their first four bytes.
fn begin_alike(one: IpAddr, other: IpAddr) -> bool {
    match (one, other) {
        (IpAddr::V6(one), IpAddr::V6(other)) => first_four_bytes(one) == first_four_bytes(other),
        _ => false,
    }
}

fn near() -> impl Strategy<Value = u32> {
    let low = prop_oneof![0..4_u32, 0xfffc..=0xffff_u32, 0xfe..=0x101_u32, any::<u16>().prop_map(u32::from)];
    prop_oneof![
        6 => (0x0d46..0x0d49_u32, low).prop_map(|(high, low)| high << 16 | low),
        1 => any::<u32>(),
    ]
}

fn any_prefix() -> impl Strategy<Value = IpNet> {
    prop_oneof![
        3 => (near(), 0..=32_u8).prop_map(|(address, length)| {
            IpNet::new(Ipv4Addr::from(address).into(), length).unwrap().trunc()
        }),
        1 => (near(), 0..=64_u8).prop_map(|(address, length)| {
            IpNet::new(v6(address), length).unwrap().trunc()
        }),
    ]
}

fn any_entries() -> impl Strategy<Value = Entries> {
    let prefixes = prop::collection::hash_map(any_prefix(), (any::<u8>(), any::<bool>()), 0..40);
    prefixes.prop_map(|prefixes| {
        let entry = |(slot, (prefix, (geo, retired)))| {
            let entry = Entry::new(slot, geo).unwrap();
            (prefix, if retired { entry.retire() } else { entry })
        };
        (0..).zip(prefixes).map(entry).collect()
    })
}

proptest! {
    /// With any number of pages, the table returns the reference's result or leaves the address to the trie.
    /// With enough pages it leaves no IPv4 address to the trie.
    #[test]
    fn it_says_what_the_reference_says(
        entries in any_entries(),
        max_pages in prop_oneof![0..8_u32, Just(direct::MOST_PAGES)],
        others in prop::collection::vec(near(), 40),
    ) {
        let (table, reference) = (Table::new(&entries, max_pages), Reference::new(&entries));
        prop_assert!(table.size().pages <= max_pages);
        let others = others.into_iter().flat_map(|address| [v4(address), v6(address)]);
        for address in entries.iter().flat_map(|(prefix, _)| edges(*prefix)).chain(others) {
            match lookup(&table, address) {
                TableLookup::AskTrie => {
                    let longer = entries.iter().any(|(prefix, _)| prefix.prefix_len() > 32 && begin_alike(prefix.addr(), address));
                    prop_assert!(longer || max_pages < direct::MOST_PAGES, "{} is left to the trie", address);
                }
                lookup => prop_assert_eq!(lookup, reference.lookup_of(address), "{}", address),
            }
        }
    }

    /// The changes describe the whole table. Each is at the edge of a range or of a part that is left to the
    /// trie.
    #[test]
    fn changes_are_the_whole_table(
        entries in any_entries(),
        max_pages in prop_oneof![0..8_u32, Just(direct::MOST_PAGES)],
        others in prop::collection::vec(near(), 40),
    ) {
        let table = Table::new(&entries, max_pages);
        let changes = all_changes(&table);
        let at = |address: IpAddr| {
            let before = changes.iter().rfind(|change| change.from <= address && change.from.is_ipv4() == address.is_ipv4());
            before.unwrap().lookup
        };
        let others = others.into_iter().flat_map(|address| [v4(address), v6(address)]);
        for address in entries.iter().flat_map(|(prefix, _)| edges(*prefix)).chain(others) {
            prop_assert_eq!(at(address), lookup(&table, address), "{}", address);
        }
        prop_assert!(changes.is_sorted_by(|one, next| one.from < next.from && (one.lookup != next.lookup || one.from.is_ipv4() != next.from.is_ipv4())));
    }
}
