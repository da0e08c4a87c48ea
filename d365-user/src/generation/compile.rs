//! Compiles ranges into trie entries: each range gets a counter slot, and its geo's number.

use d365_common::entry::Entry;
use ipnet::IpNet;

use super::CounterKey;

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

/// Reason why a range list cannot be compiled.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CompileError {
    /// There are more ranges than counter slots.
    #[error("{ranges} ranges do not fit {capacity} counter slots; raise --max-ranges")]
    Capacity {
        /// Number of ranges.
        ranges: usize,
        /// Number of slots.
        capacity: u32,
    },
}

/// Compiles listed and retired ranges, with the slot of each. `capacity` is the number of counter slots with
/// which the kernel object was loaded.
///
/// # Errors
/// [`CompileError::Capacity`] when a slot is not less than `capacity`.
pub fn compile<O: Into<CounterKey>>(
    ranges: impl IntoIterator<Item = O>,
    slots: &[u32],
    capacity: u32,
) -> Result<Compiled, CompileError> {
    let no_slot = || CompileError::Capacity { ranges: slots.len(), capacity };
    let entries = ranges.into_iter().zip(slots).map(|(range, slot)| {
        let CounterKey { prefix, geo, retired } = range.into();
        let entry = Entry::new(*slot, geo.code.number()).filter(|_| *slot < capacity).ok_or_else(no_slot)?;
        Ok((prefix, if retired { entry.retire() } else { entry }))
    });
    Ok(Compiled { entries: entries.collect::<Result<_, _>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranges::{Geo, GeoCode, GeoSource, Range};

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
        assert_eq!(compile(&ranges, &[1, 0], 2).unwrap().entries, expected);
        let retired = compile([CounterKey::retired(&ranges[0])], &[1], 2).unwrap();
        assert_eq!(retired.entries, [(ranges[0].prefix, entries[0].retire())]);
        let grouped = compile(&ranges, &[1, 0], 2).unwrap().grouped([0, 5]);
        assert_eq!(grouped.entries.iter().map(|(_, entry)| entry.group()).collect::<Vec<_>>(), [0, 5]);
    }

    #[test]
    fn a_slot_past_the_last_is_an_error() {
        let ranges = [range("192.0.2.0/25"), range("192.0.2.128/25")];
        assert!(compile(&ranges, &[0, 1], 2).is_ok());
        assert_eq!(compile(&ranges, &[0, 1], 1), Err(CompileError::Capacity { ranges: 2, capacity: 1 }));
    }
}
