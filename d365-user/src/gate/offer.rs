//! One reading of a source, as it is offered to the gate.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::policy::Trust;
use crate::ranges::Range;

/// One good reading of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The listed ranges, with geos attributed. The gate clears host bits, and of equal prefixes it uses the
    /// first.
    pub ranges: Vec<Range>,
    /// The tag's own change number, if the list has one. It is not the document's number, which is neither
    /// unique nor ordered.
    pub change_number: Option<u64>,
    /// The way in which the offer arrived.
    pub trust: Trust,
}

/// Ranges by prefix, with host bits cleared; of equal prefixes the first is used.
pub(super) fn by_prefix(ranges: Vec<Range>) -> BTreeMap<IpNet, Range> {
    let mut sorted = BTreeMap::new();
    for mut range in ranges {
        range.prefix = range.prefix.trunc();
        sorted.entry(range.prefix).or_insert(range);
    }
    sorted
}
