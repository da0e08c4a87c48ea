//! The limits of the gate, and the conditions to which they apply.

use std::time::Duration;

use ipnet::IpNet;

pub use crate::source::Trust;

/// The gate's limits. Periods are counted in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatePolicy {
    /// An addition of a download is published when a later fetch shows it too, at least this long after the
    /// first (`--confirm-after`).
    pub confirm_after: Duration,
    /// Held changes are published when they were offered for this long (`--hold`).
    pub hold: Duration,
    /// Retired ranges are recognised as retired for this long (`--grace`).
    pub grace: Duration,
    /// Longest time between two offers that counts as offered ([`Self::gap_of`]); a longer time does not
    /// count at all.
    pub longest_gap: Duration,
    /// An offer with more new ranges than this is held whole. Additions that would exceed this number within
    /// [`Self::WEEK`] are held.
    pub most_new: usize,
    /// An offer that is shorter than the accepted list by more than this percentage is held whole.
    pub most_shrink_percent: usize,
}

impl GatePolicy {
    /// The shortest IPv4 prefix that a download can add without approval.
    pub const BROADEST_IPV4: u8 = 16;
    /// The shortest IPv6 prefix that a download can add without approval: the block that a registry assigns
    /// to one provider (<https://www.ripe.net/publications/docs/ripe-738>, 5.1.1), as /16 was the largest
    /// block of one provider in IPv4.
    pub const BROADEST_IPV6: u8 = 32;

    /// The period over which additions by a second fetch alone are added up. From 2019 to 2026 the vendor's
    /// tag grew four times, by 2, 1, 5 and 17 ranges (`../shared/data/README.md`): 64 in a week are far more
    /// than all of these together.
    pub const WEEK: Duration = Duration::from_hours(7 * 24);
    /// Allowance for a slow download, in addition to the interval between two fetches and a tenth of it.
    const SLOW_FETCH: Duration = Duration::from_mins(10);

    /// Longest time between two readings of a source that is fetched at the interval `refresh`, plus or minus
    /// a tenth.
    #[must_use]
    pub fn gap_of(refresh: Duration) -> Duration {
        refresh + refresh / 10 + Self::SLOW_FETCH
    }

    /// Returns true if a download cannot add `prefix` without approval.
    #[must_use]
    pub const fn is_broad(prefix: &IpNet) -> bool {
        match prefix {
            IpNet::V4(net) => net.prefix_len() < Self::BROADEST_IPV4,
            IpNet::V6(net) => net.prefix_len() < Self::BROADEST_IPV6,
        }
    }

    /// Returns true if `offered` ranges in place of `accepted` are so few that the offer is held.
    pub(super) const fn is_shrink(&self, accepted: usize, offered: usize) -> bool {
        let lost = accepted.saturating_sub(offered);
        lost.saturating_mul(100) > accepted.saturating_mul(self.most_shrink_percent)
    }
}

impl Default for GatePolicy {
    fn default() -> Self {
        Self {
            confirm_after: Duration::from_hours(1),
            hold: Duration::from_hours(72),
            grace: Duration::from_hours(24),
            longest_gap: Self::gap_of(Duration::from_hours(6)),
            most_new: 64,
            most_shrink_percent: 10,
        }
    }
}
