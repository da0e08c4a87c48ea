//! Compiles ranges into trie entries: each range gets a counter slot, and its geo's number.

use d365_common::entry::Entry;
use ipnet::{IpNet, Ipv4Net};

use crate::{geo::Geo, ranges::Range};

/// A range with one geo, listed or retired: it owns one counter slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CounterKey {
    /// The prefix.
    pub prefix: IpNet,
    /// The geo.
    pub geo: Geo,
    /// True if it has left the list.
    pub retired: bool,
}

impl CounterKey {
    /// The key of a range that has left the list.
    #[must_use]
    pub fn retired(range: &Range) -> Self {
        Self { retired: true, ..Self::from(range) }
    }

    /// The owner of the counts of ranges that are gone, for this key's geo. Its prefix is broader than that
    /// of any range ([`Policy::BROADEST_IPV4`](crate::ranges::Policy::BROADEST_IPV4)).
    #[must_use]
    pub fn of_gone(&self) -> Self {
        Self { prefix: Ipv4Net::default().into(), ..*self }
    }
}

/// The key of a listed range.
impl From<&Range> for CounterKey {
    fn from(range: &Range) -> Self {
        Self { prefix: range.prefix, geo: range.geo, retired: false }
    }
}

/// A compiled range list: the entries of the tries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compiled {
    /// Prefix and entry of each range, in the order of the set.
    pub entries: Vec<(IpNet, Entry)>,
}

impl Compiled {
    /// Assigns a lease group to each range, in the order of the entries.
    #[must_use]
    pub fn grouped(mut self, groups: impl IntoIterator<Item = u8>) -> Self {
        self.entries.iter_mut().zip(groups).for_each(|((_, entry), group)| *entry = entry.in_group(group));
        self
    }
}

/// Compiles listed and retired ranges, with the slot of each. Returns `None` if a slot is not below
/// [`MAX_SLOTS`](d365_common::entry::MAX_SLOTS).
pub fn compile<O: Into<CounterKey>>(ranges: impl IntoIterator<Item = O>, slots: &[u32]) -> Option<Compiled> {
    let entries = ranges.into_iter().zip(slots).map(|(range, slot)| {
        let CounterKey { prefix, geo, retired } = range.into();
        let entry = Entry::new(*slot, geo.code.number())?;
        Some((prefix, if retired { entry.retire() } else { entry }))
    });
    Some(Compiled { entries: entries.collect::<Option<_>>()? })
}

#[cfg(test)]
mod tests {
    use d365_common::entry::MAX_SLOTS;

    use super::*;
    use crate::geo::{GeoCode, GeoSource};

    fn range(prefix: &str) -> Range {
        let geo = Geo { code: GeoCode::new("NAM").unwrap(), source: GeoSource::Documented };
        Range { prefix: prefix.parse().unwrap(), geo, region: None }
    }

    #[test]
    fn each_range_gets_its_slot_and_its_geo() {
        let ranges = [range("192.0.2.0/24"), range("2001:db8::/32")];
        let geo = ranges[0].geo.code.number();
        let entries = [1, 0].map(|slot| Entry::new(slot, geo).unwrap());
        let expected = vec![(ranges[0].prefix, entries[0]), (ranges[1].prefix, entries[1])];
        assert_eq!(compile(&ranges, &[1, 0]).unwrap().entries, expected);
        let retired = compile([CounterKey::retired(&ranges[0])], &[1]).unwrap();
        assert_eq!(retired.entries, [(ranges[0].prefix, entries[0].retire())]);
        let grouped = compile(&ranges, &[1, 0]).unwrap().grouped([0, 5]);
        assert_eq!(grouped.entries.iter().map(|(_, entry)| entry.group()).collect::<Vec<_>>(), [0, 5]);
    }

    #[test]
    fn a_slot_past_the_last_is_an_error() {
        let ranges = [range("192.0.2.0/25"), range("192.0.2.128/25")];
        assert!(compile(&ranges, &[0, MAX_SLOTS - 1]).is_some());
        assert_eq!(compile(&ranges, &[0, MAX_SLOTS]), None);
    }
}
