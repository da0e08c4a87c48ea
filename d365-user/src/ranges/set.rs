//! The one list that everything behind it uses: checked, masked, merged, sorted. Pure and total: any records give a set or
//! an error, never a panic, and never a part of what was asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::iter::successors;
use std::net::IpAddr;

use ipnet::IpNet;
use sha2::{Digest as _, Sha256};

use super::merge::{Merge, Merged};
use super::{Policy, Range, RangeError, SourceSet, Warning};
use crate::source::{List, Origin};

/// Ranges without a duplicate, IPv4 before IPv6, by address and then by length.
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
    /// Compiles lists, which add up. A prefix that comes again is merged: a documented geo stands, a known geo beats an
    /// unknown one, and of two known ones the first stands, with a warning. A prefix inside another is kept.
    ///
    /// # Errors
    /// A refused prefix, more ranges than the policy takes, no range at all, or a policy out of bounds: [`RangeError`].
    pub fn build(lists: &[List], policy: &Policy) -> Result<Self, RangeError> {
        let limit = policy.max_ranges;
        if !(1..=Policy::HIGHEST_MAX_RANGES).contains(&limit) {
            return Err(RangeError::BadLimit { given: limit });
        }
        let mut merge = Merge::default();
        for (source, list) in lists.iter().enumerate() {
            for record in &list.records {
                merge.add(source, &list.origin.name, record, policy);
            }
        }
        let Merged { ranges, sources: listed_by, warnings: odd } = merge.finish()?;
        let mut warnings: Vec<_> = lists.iter().flat_map(of_source).collect();
        warnings.extend(odd);
        within(limit, &ranges)?;
        let origins = lists.iter().map(|list| list.origin.clone()).collect();
        let (retired, retired_by) = (Vec::new(), Vec::new());
        Ok(Self { ranges, listed_by, retired, retired_by, origins, warnings })
    }

    /// Adds up what is accepted of several sources, by the rules of [`build`](Self::build), of at most `limit` ranges;
    /// each part with the place of its source. `retired` is what they listed until a while ago: kept as far as no range
    /// that is listed holds it, and as far as the limit has room.
    ///
    /// # Errors
    /// More ranges than `limit`, or none at all.
    pub fn union(
        parts: &[(usize, Origin, Vec<Range>)],
        retired: impl IntoIterator<Item = (usize, Range)>,
        limit: u32,
    ) -> Result<Self, RangeError> {
        let mut merge = Merge::default();
        for (source, origin, ranges) in parts {
            ranges.iter().for_each(|range| merge.add_range(*source, &origin.name, range));
        }
        let Merged { ranges, sources: listed_by, warnings } = merge.finish()?;
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

    /// A list on the way to this one: from the same origins, with other ranges, each with its sources.
    #[must_use]
    pub fn with_ranges(
        &self,
        mut ranges: Vec<(Range, SourceSet)>,
        mut retired: Vec<(Range, SourceSet)>,
    ) -> Self {
        ranges.sort_by_key(|(range, _)| range.prefix);
        retired.sort_by_key(|(range, _)| range.prefix);
        let (ranges, listed_by): (Vec<_>, _) = ranges.into_iter().unzip();
        let (retired, retired_by) = outside(&ranges, retired.into_iter()).unzip();
        let (origins, warnings) = (self.origins.clone(), Vec::new());
        Self { ranges, listed_by, retired, retired_by, origins, warnings }
    }

    /// The ranges, in their order.
    #[must_use]
    pub fn ranges(&self) -> &[Range] {
        &self.ranges
    }

    /// For each range the sources that list it, or a prefix that holds it.
    #[must_use]
    pub fn listed_by(&self) -> &[SourceSet] {
        &self.listed_by
    }

    /// Ranges that have left the lists and are still recognised, in the same order.
    #[must_use]
    pub fn retired(&self) -> &[Range] {
        &self.retired
    }

    /// For each retired range the sources that listed it.
    #[must_use]
    pub fn retired_by(&self) -> &[SourceSet] {
        &self.retired_by
    }

    /// Where they come from, in the order given, each once.
    #[must_use]
    pub fn origins(&self) -> &[Origin] {
        &self.origins
    }

    /// What was odd in the lists.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// SHA-256 of the ranges, lower-case hexadecimal. The text under it has one line a range, in the set's order, each
    /// ended by a line feed: prefix, geo code, geo source, one space between: `13.71.171.0/24 CAN documented`.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for Range { prefix, geo, .. } in &self.ranges {
            hash.update(format!("{prefix} {} {}\n", geo.code, geo.source));
        }
        hash.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// The range that decides for an address, with its index: the longest prefix that holds it. Looks at every range: this is
    /// the reference that the kernel's answer is compared with, not a lookup for traffic.
    #[must_use]
    pub fn longest_match(&self, address: IpAddr) -> Option<(usize, &Range)> {
        let holding = self.ranges.iter().enumerate().filter(|(_, range)| range.prefix.contains(&address));
        holding.max_by_key(|(_, range)| range.prefix.prefix_len())
    }
}

/// The retired ranges that no listed one holds.
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

/// What a list's source found odd in it.
fn of_source(list: &List) -> impl Iterator<Item = Warning> {
    let name = &list.origin.name;
    list.warnings.iter().map(|warning| Warning::Source { list: name.clone(), warning: warning.clone() })
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
