//! The one list that all later stages use: checked, masked, merged, sorted. Pure and total: any entries
//! result in a set or an error. There is never a panic, and never a set from only some of the entries.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::successors;
use std::net::IpAddr;

use ipnet::IpNet;
use sha2::{Digest as _, Sha256};

use super::merge::Merge;
use super::{Policy, Range, RangeError, SourceSet, Warning};
use crate::source::{List, Origin};

/// Ranges without duplicates, IPv4 before IPv6, by address and then by length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeSet {
    ranges: Vec<Range>,
    listed_by: Vec<SourceSet>,
    retired: Vec<Range>,
    retired_by: Vec<SourceSet>,
    origins: Vec<Origin>,
    warnings: Vec<Warning>,
}

impl RangeSet {
    /// Builds a set from all entries of all lists. Entries with the same prefix are merged: a documented geo
    /// wins, a known geo wins over an unknown one, and of two known ones the first wins, with a warning. A
    /// prefix inside another one is kept.
    ///
    /// # Errors
    /// [`RangeError`]: a prefix that is not accepted, more ranges than the policy accepts, or no range.
    pub fn build(lists: &[List], policy: &Policy) -> Result<Self, RangeError> {
        let mut merge = Merge::default();
        for (source, list) in lists.iter().enumerate() {
            for entry in &list.entries {
                merge.add(source, &list.origin.name, entry, policy);
            }
        }
        let (ranges, listed_by, odd) = merge.finish()?;
        let mut warnings: Vec<_> = lists.iter().flat_map(of_source).collect();
        warnings.extend(odd);
        within(policy.max_ranges, &ranges)?;
        let origins = lists.iter().map(|list| list.origin.clone()).collect();
        let (retired, retired_by) = (Vec::new(), Vec::new());
        Ok(Self { ranges, listed_by, retired, retired_by, origins, warnings })
    }

    /// Merges the accepted ranges of several sources by the rules of [`build`](Self::build), at most `limit`
    /// ranges. Each part has the position of its source. `retired` are ranges that the sources listed until
    /// recently. The set keeps those that no listed range contains, as long as `limit` has room.
    ///
    /// # Errors
    /// More ranges than `limit`, or no range.
    pub fn union(
        parts: &[(usize, Origin, Vec<Range>)],
        retired: impl IntoIterator<Item = (usize, Range)>,
        limit: u32,
    ) -> Result<Self, RangeError> {
        let mut merge = Merge::default();
        for (source, origin, ranges) in parts {
            ranges.iter().for_each(|range| merge.add_range(*source, &origin.name, range));
        }
        let (ranges, listed_by, warnings) = merge.finish()?;
        within(limit, &ranges)?;
        let mut gone: BTreeMap<IpNet, (Range, SourceSet)> = BTreeMap::new();
        for (source, range) in retired {
            let sources = SourceSet::of(source);
            let known = gone.get(&range.prefix).map_or(sources, |(_, known)| known.with(sources));
            gone.insert(range.prefix, (range, known));
        }
        let room = (limit as usize).saturating_sub(ranges.len());
        let (retired, retired_by) = outside(&ranges, gone.into_values()).take(room).unzip();
        let mut origins: Vec<Origin> = Vec::with_capacity(parts.len());
        for (_, origin, _) in parts {
            if origins.iter().all(|known| known.name != origin.name) {
                origins.push(origin.clone());
            }
        }
        Ok(Self { ranges, listed_by, retired, retired_by, origins, warnings })
    }

    /// The ranges, sorted.
    #[must_use]
    pub fn ranges(&self) -> &[Range] {
        &self.ranges
    }

    /// For each range, the sources that list it or a prefix that contains it.
    #[must_use]
    pub fn listed_by(&self) -> &[SourceSet] {
        &self.listed_by
    }

    /// Ranges that have left the lists and are still recognised, in the same order.
    #[must_use]
    pub fn retired(&self) -> &[Range] {
        &self.retired
    }

    /// For each retired range, the sources that listed it.
    #[must_use]
    pub fn retired_by(&self) -> &[SourceSet] {
        &self.retired_by
    }

    /// The origins of the lists, in the given order, each once.
    #[must_use]
    pub fn origins(&self) -> &[Origin] {
        &self.origins
    }

    /// The oddities of the lists.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// SHA-256 of the ranges in lower-case hexadecimal. The hashed text has one line for each range, in the
    /// order of the set. A line consists of prefix, geo code and geo source, with one space between them, and
    /// ends with a line feed: `13.71.171.0/24 CAN documented`.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for Range { prefix, geo, .. } in &self.ranges {
            hash.update(format!("{prefix} {} {}\n", geo.code, geo.source));
        }
        hex::encode(hash.finalize())
    }

    /// The range that decides for an address, and its index: the longest prefix that contains the address.
    /// This function searches all ranges. It is the reference for the kernel's result, not a lookup for
    /// traffic.
    #[must_use]
    pub fn longest_match(&self, address: IpAddr) -> Option<(usize, &Range)> {
        let holding = self.ranges.iter().enumerate().filter(|(_, range)| range.prefix.contains(&address));
        holding.max_by_key(|(_, range)| range.prefix.prefix_len())
    }
}

/// The retired ranges that no listed range contains.
fn outside(
    listed: &[Range],
    retired: impl Iterator<Item = (Range, SourceSet)>,
) -> impl Iterator<Item = (Range, SourceSet)> {
    let listed: BTreeSet<IpNet> = listed.iter().map(|range| range.prefix).collect();
    let is_listed = move |range: &Range| {
        successors(Some(range.prefix), IpNet::supernet).any(|prefix| listed.contains(&prefix))
    };
    retired.filter(move |(range, _)| !is_listed(range))
}

fn within(limit: u32, ranges: &[Range]) -> Result<(), RangeError> {
    match u32::try_from(ranges.len()) {
        Ok(0) => Err(RangeError::Empty),
        Ok(count) if count <= limit => Ok(()),
        _ => Err(RangeError::TooMany { count: ranges.len(), limit }),
    }
}

/// The warnings of a list's source.
fn of_source(list: &List) -> impl Iterator<Item = Warning> {
    let name = &list.origin.name;
    list.warnings.iter().map(|warning| Warning::Source { list: name.clone(), warning: warning.clone() })
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
