//! The gate's limits, and what they apply to.

use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// How an offer came here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// A file that somebody with rights on this host wrote, or the list compiled into the program. It stands until it is
    /// replaced.
    Local,
    /// Something fetched over a network.
    Download,
}

/// The gate's limits. Periods are counted in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatePolicy {
    /// What a download adds is published when a later fetch, so much after the first, shows it too (`--confirm-after`).
    pub confirm_after: Duration,
    /// Held changes are published when they were offered for this long (`--hold`).
    pub hold: Duration,
    /// What is retired is recognised as such for so long (`--grace`).
    pub grace: Duration,
    /// The longest time between two offers that is counted as offered ([`Self::gap_of`]); a longer one counts as none.
    pub longest_gap: Duration,
    /// More new ranges than this in one offer hold it whole; more than this in [`Self::WEEK`] are held.
    pub most_new: usize,
    /// A list that is shorter by more than so many per cent of its ranges is held whole.
    pub most_shrink_percent: usize,
}

impl GatePolicy {
    /// The shortest IPv4 prefix that a download can add without approval.
    pub const BROADEST_IPV4: u8 = 16;
    /// The same for IPv6: what a registry gives to one provider
    /// (<https://www.ripe.net/publications/docs/ripe-738>, 5.1.1), as /16 was the largest block of one in IPv4.
    pub const BROADEST_IPV6: u8 = 32;

    /// The time over which additions that passed by a second fetch alone are added up. From 2019 to 2026 the vendor's tag
    /// grew four times, by 2, 1, 5 and 17 ranges (`../shared/data/README.md`): 64 a week are far more than all of that.
    pub const WEEK: Duration = Duration::from_hours(7 * 24);
    /// Between two fetches, beside their interval and its tenth: what a slow download may take.
    const SLOW_FETCH: Duration = Duration::from_mins(10);

    /// The longest time between two readings of a source that is fetched each `refresh`, a tenth more or less.
    #[must_use]
    pub fn gap_of(refresh: Duration) -> Duration {
        refresh + refresh / 10 + Self::SLOW_FETCH
    }

    /// Whether a download cannot add `prefix` without approval.
    #[must_use]
    pub const fn is_broad(prefix: &IpNet) -> bool {
        match prefix {
            IpNet::V4(net) => net.prefix_len() < Self::BROADEST_IPV4,
            IpNet::V6(net) => net.prefix_len() < Self::BROADEST_IPV6,
        }
    }

    /// Whether `offered` ranges in place of `accepted` are a shrink that holds the offer.
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
