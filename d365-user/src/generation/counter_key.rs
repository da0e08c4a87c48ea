//! The key of a counter: the range whose packets it counts.

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
