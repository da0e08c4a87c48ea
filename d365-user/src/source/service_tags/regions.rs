//! Prefixes with the Azure region of each, in a compact form: 20 bytes a prefix.

use std::net::IpAddr;

use ipnet::IpNet;

/// Limit of entries with a region, for Azure and for the tag separately. A real document has up to 73.
pub(super) const MAX_REGIONS: usize = 4_096;

/// The Azure region of each prefix. Prefixes are stored without host bits. A prefix that two regions list
/// belongs to the first of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Regions {
    names: Vec<String>,
    /// Sorted and unique by prefix. The number is the index of the region's name.
    prefixes: Vec<(IpNet, u16)>,
}

impl Regions {
    /// Adds the prefixes of a region. Returns `false` if the limit does not allow another region. Look-ups
    /// work after [`sorted`](Self::sorted).
    #[must_use]
    pub(super) fn push(&mut self, region: String, prefixes: &[IpNet]) -> bool {
        let index = match u16::try_from(self.names.len()) {
            Ok(index) if self.names.len() < MAX_REGIONS => index,
            _ => return false,
        };
        self.names.push(region);
        self.prefixes.extend(prefixes.iter().map(|prefix| (prefix.trunc(), index)));
        true
    }

    pub(super) fn sorted(mut self) -> Self {
        self.prefixes.sort_unstable();
        self.prefixes.dedup_by_key(|(prefix, _)| *prefix);
        self.prefixes.shrink_to_fit();
        self
    }

    /// True if there are no prefixes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.prefixes.is_empty()
    }

    /// Returns every prefix with its region: IPv4 first, sorted by address and then by length.
    pub fn iter(&self) -> impl Iterator<Item = (IpNet, &str)> {
        self.prefixes.iter().map(|(prefix, index)| (*prefix, self.name(*index)))
    }

    /// The names of the regions.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Returns the region that lists exactly this prefix. Host bits are ignored.
    #[must_use]
    pub fn exact(&self, prefix: &IpNet) -> Option<&str> {
        let prefix = prefix.trunc();
        let found = self.prefixes.binary_search_by_key(&prefix, |(prefix, _)| *prefix).ok()?;
        Some(self.name(self.prefixes[found].1))
    }

    /// Returns the region of the longest prefix that contains this whole prefix. It does one search for each
    /// shorter length. This takes microseconds, so it must not run for every packet.
    #[must_use]
    pub fn containing(&self, prefix: &IpNet) -> Option<&str> {
        let mut around = Some(*prefix);
        while let Some(prefix) = around {
            if let Some(region) = self.exact(&prefix) {
                return Some(region);
            }
            around = prefix.supernet();
        }
        None
    }

    /// Returns the region of an address.
    #[must_use]
    pub fn of(&self, address: IpAddr) -> Option<&str> {
        self.containing(&address.into())
    }

    fn name(&self, index: u16) -> &str {
        self.names.get(usize::from(index)).map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn regions(of: &[(&str, &[&str])]) -> Regions {
        let mut regions = Regions::default();
        for (region, prefixes) in of {
            let prefixes: Vec<IpNet> = prefixes.iter().map(|prefix| prefix.parse().unwrap()).collect();
            assert!(regions.push((*region).to_owned(), &prefixes));
        }
        regions.sorted()
    }

    #[test]
    fn the_longest_prefix_around_decides() {
        let regions = regions(&[
            ("a", &["13.0.0.0/8", "2603::/16"]),
            ("b", &["13.64.0.1/10", "13.0.0.0/8", "2603:1000::/40"]),
        ]);
        assert_eq!(regions.iter().count(), 4, "a prefix that comes again is the first one's");
        let of = |prefix: &str| regions.containing(&prefix.parse().unwrap());
        assert_eq!(of("13.64.0.0/10"), Some("b"));
        assert_eq!(of("13.64.1.0/24"), Some("b"));
        assert_eq!(of("13.0.0.0/9"), Some("a"));
        assert_eq!(of("12.0.0.0/7"), None);
        assert_eq!(of("2603:1000::7/128"), Some("b"));
        assert_eq!(of("2603:1100::/24"), Some("a"));
        assert_eq!(of("::ffff:13.64.1.0/120"), None);
        assert_eq!(regions.of([13, 127, 255, 255].into()), Some("b"));
        assert_eq!(regions.of([13, 128, 0, 0].into()), Some("a"));
        assert_eq!(regions.of([14, 0, 0, 0].into()), None);
        assert_eq!(regions.exact(&"13.0.0.1/8".parse().unwrap()), Some("a"));
        assert_eq!(regions.exact(&"13.0.0.0/9".parse().unwrap()), None);
    }

    #[test]
    fn a_prefix_costs_20_bytes_and_regions_have_a_limit() {
        assert_eq!(size_of::<(IpNet, u16)>(), 20);
        let mut regions = Regions::default();
        for _ in 0..MAX_REGIONS {
            assert!(regions.push("a".to_owned(), &[]));
        }
        assert!(!regions.push("a".to_owned(), &[]));
        assert!(regions.is_empty());
    }

    proptest! {
        #[test]
        fn the_answer_is_that_of_a_look_at_all(
            prefixes in prop::collection::vec((0..64u32, 24..=32u8), 0..24),
            asked in (0..64u32, 20..=32u8),
        ) {
            let net = |(host, length): (u32, u8)| IpNet::new(std::net::Ipv4Addr::from(0x0d00_0000 | host).into(), length).unwrap();
            let mut regions = Regions::default();
            for (index, prefix) in prefixes.iter().enumerate() {
                prop_assert!(regions.push(index.to_string(), &[net(*prefix)]));
            }
            let asked = net(asked);
            let around = prefixes.iter().map(|prefix| net(*prefix).trunc()).enumerate().filter(|(_, prefix)| prefix.contains(&asked));
            // The first of equal prefixes counts. `max_by_key` returns the last of equals, so the order is
            // reversed.
            let best = around.rev().max_by_key(|(_, prefix)| prefix.prefix_len()).map(|(index, _)| index.to_string());
            let regions = regions.sorted();
            prop_assert_eq!(regions.containing(&asked), best.as_deref());
        }
    }
}
