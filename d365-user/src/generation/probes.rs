//! Generates the addresses with which a generation is verified before it is published: the edges of every
//! range, and for each the result of an independent reference.
//!
//! The reference is a prefix trie of another crate, filled with the ranges themselves. It must not use the
//! output of [`compile`](super::compile).

use std::net::IpAddr;

use ipnet::{IpAdd as _, IpNet, IpSub as _, Ipv4Net, Ipv6Net};
use prefix_trie::PrefixMap;

/// An address, and the position of the range that decides for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The address.
    pub source: IpAddr,
    /// Position of the range with the longest prefix that contains it; `None` if no range does.
    pub expected: Option<usize>,
}

/// The first and the last address of every prefix and their neighbours, each with the result of the
/// reference.
pub fn probes<'a>(prefixes: &'a [IpNet], reference: &'a ReferenceTrie) -> impl Iterator<Item = Probe> + 'a {
    prefixes
        .iter()
        .flat_map(|prefix| edges(*prefix))
        .map(|source| Probe { source, expected: reference.longest_match(source) })
}

/// Longest-prefix match by another crate.
pub struct ReferenceTrie {
    v4: PrefixMap<Ipv4Net, usize>,
    v6: PrefixMap<Ipv6Net, usize>,
}

impl ReferenceTrie {
    /// A reference of these prefixes, by their positions.
    #[must_use]
    pub fn new(prefixes: &[IpNet]) -> Self {
        let mut reference = Self { v4: PrefixMap::new(), v6: PrefixMap::new() };
        for (position, prefix) in prefixes.iter().enumerate() {
            match prefix {
                IpNet::V4(net) => drop(reference.v4.insert(*net, position)),
                IpNet::V6(net) => drop(reference.v6.insert(*net, position)),
            }
        }
        reference
    }

    /// Position of the longest prefix that contains `source`; `None` if no prefix does.
    #[must_use]
    pub fn longest_match(&self, source: IpAddr) -> Option<usize> {
        match source {
            IpAddr::V4(source) => self.v4.get_lpm(&source.into()).map(|(_, position)| *position),
            IpAddr::V6(source) => self.v6.get_lpm(&source.into()).map(|(_, position)| *position),
        }
    }
}

/// The first and the last address and their neighbours. An address without a neighbour is its own.
fn edges(prefix: IpNet) -> [IpAddr; 4] {
    match prefix {
        IpNet::V4(net) => {
            let (first, last) = (net.network(), net.broadcast());
            [first.saturating_sub(1), first, last, last.saturating_add(1)].map(IpAddr::V4)
        }
        IpNet::V6(net) => {
            let (first, last) = (net.network(), net.broadcast());
            [first.saturating_sub(1), first, last, last.saturating_add(1)].map(IpAddr::V6)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, net::Ipv4Addr};

    use proptest::prelude::*;

    use super::*;

    fn nets(prefixes: &[&str]) -> Vec<IpNet> {
        prefixes.iter().map(|prefix| prefix.parse().unwrap()).collect()
    }

    #[test]
    fn edges_of_nested_prefixes_are_asked_with_the_longest() {
        let nets = nets(&["192.0.2.0/24", "192.0.2.128/25"]);
        let asked: Vec<_> = probes(&nets, &ReferenceTrie::new(&nets))
            .map(|probe| (probe.source.to_string(), probe.expected))
            .collect();
        let expected = [
            ("192.0.1.255", None),
            ("192.0.2.0", Some(0)),
            ("192.0.2.255", Some(1)),
            ("192.0.3.0", None),
            ("192.0.2.127", Some(0)),
            ("192.0.2.128", Some(1)),
            ("192.0.2.255", Some(1)),
            ("192.0.3.0", None),
        ];
        assert_eq!(asked, expected.map(|(source, position)| (source.to_owned(), position)));
    }

    #[test]
    fn there_is_nothing_before_the_first_and_behind_the_last_address() {
        for prefix in ["0.0.0.0/8", "255.0.0.0/8", "::/19", "ffff:e000::/19"] {
            let nets = nets(&[prefix]);
            let reference = ReferenceTrie::new(&nets);
            let asked: BTreeSet<IpAddr> = probes(&nets, &reference).map(|probe| probe.source).collect();
            assert_eq!(asked.len(), 3, "{prefix}");
        }
    }

    proptest! {
        #[test]
        fn the_reference_is_the_longest_of_all_that_hold(
            prefixes in prop::collection::btree_set((any::<u32>(), 0..=32u8), 1..50),
        ) {
            let mut nets: Vec<IpNet> = prefixes
                .into_iter()
                .map(|(address, len)| IpNet::new(Ipv4Addr::from(address).into(), len).unwrap().trunc())
                .collect();
            nets.sort();
            nets.dedup();
            for Probe { source, expected } in probes(&nets, &ReferenceTrie::new(&nets)) {
                let holding = nets.iter().enumerate().filter(|(_, net)| net.contains(&source));
                let longest = holding.max_by_key(|(_, net)| net.prefix_len()).map(|(position, _)| position);
                prop_assert_eq!(expected, longest);
            }
        }
    }
}
