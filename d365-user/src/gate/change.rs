//! Changes that wait: the action, the reason, and the condition that ends the wait.

use std::{fmt, time::Duration};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{policy::GatePolicy, time::Step};
use crate::{
    geo::{Geo, GeoSource},
    ranges::Range,
};

/// The effect of a change on its prefix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The range enters the list.
    Add(Range),
    /// The prefix leaves the list.
    Remove(IpNet),
    /// The range replaces the one that has another geo or region.
    Relabel(Range),
}

/// Reason why a change waits: the value of the label `change`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// A range of a download that no second fetch has shown yet.
    Addition,
    /// A range that is no longer listed.
    Removal,
    /// Another geo, or, of a documented range, another region.
    Geo,
    /// A prefix that is too broad for a download.
    Broad,
    /// The offer is much shorter than the accepted list.
    Shrink,
    /// The offer has very many new ranges.
    Flood,
    /// The offer has a lower change number.
    StepBack,
    /// A range of a download whose additions together exceed the number for a week.
    Growth,
    /// The lists of all sources together have no room for it.
    Capacity,
}

/// The condition that ends a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// A later fetch that shows it too, or approval.
    Confirmation,
    /// An offer for the time `hold` without a break, or approval.
    Hold,
    /// Approval only.
    Approval,
    /// Room for it, next to all other lists.
    Room,
    /// Approval by its prefix, because the operator rejected it.
    Rejected,
}

/// One change that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending<'a> {
    /// The prefix.
    pub prefix: IpNet,
    /// The action that would be done.
    pub action: &'a Action,
    /// The reason why it waits.
    pub change: Change,
    /// The condition that ends the wait.
    pub wait: Wait,
    /// Time for which it must still be offered; `None` if only approval or room ends the wait.
    pub left: Option<Duration>,
}

/// A waiting change, as the gate stores it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Waiting {
    pub(super) action: Action,
    pub(super) change: Change,
    pub(super) wait: Wait,
    /// Seconds for which it has been offered; they count for a hold.
    pub(super) seen: u64,
    /// Seconds from its first offer to the last one; they count for a confirmation. Since version 2: a
    /// confirmation of version 1 begins again.
    #[serde(default)]
    pub(super) elapsed: u64,
    /// True if more than one offer showed it. Otherwise it does not pass, even if its wait is over.
    pub(super) again: bool,
}

impl Change {
    /// Each reason, in the order of the variants, with the value of the label.
    pub const ALL: [(Self, &str); Self::Capacity as usize + 1] = [
        (Self::Addition, "addition"),
        (Self::Removal, "removal"),
        (Self::Geo, "geo"),
        (Self::Broad, "broad"),
        (Self::Shrink, "shrink"),
        (Self::Flood, "flood"),
        (Self::StepBack, "step_back"),
        (Self::Growth, "growth"),
        (Self::Capacity, "capacity"),
    ];

    /// The value of the label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Action {
    pub(super) fn prefix(&self) -> IpNet {
        match self {
            Self::Add(range) | Self::Relabel(range) => range.prefix,
            Self::Remove(prefix) => *prefix,
        }
    }

    /// The difference between the accepted and the offered range of one prefix; `None` if there is nothing to
    /// do.
    ///
    /// Knowledge is never lost: an offer that lacks the known geo or region changes nothing, and neither does
    /// one that names the same geo with a less trusted origin.
    pub(super) fn between(accepted: Option<&Range>, offered: Option<&Range>) -> Option<Self> {
        let (old, new) = match (accepted, offered) {
            (None, None) => return None,
            (None, Some(new)) => return Some(Self::Add(new.clone())),
            (Some(old), None) => return Some(Self::Remove(old.prefix)),
            (Some(old), Some(new)) => (old, new),
        };
        let same_code = old.geo.code == new.geo.code;
        let geo = match new.geo {
            Geo::UNKNOWN => old.geo,
            geo if same_code => old.geo.min(geo),
            geo => geo,
        };
        let region = new.region.as_ref().or(old.region.as_ref()).cloned();
        let target = Range { prefix: old.prefix, geo, region };
        (target != *old).then_some(Self::Relabel(target))
    }
}

/// Returns true if the new range has another place of origin than the old one: another geo, or, for a
/// documented range, another region. Any other difference is a detail.
pub(super) fn is_other_geo(old: &Range, new: &Range) -> bool {
    let documented = old.geo.source == GeoSource::Documented;
    old.geo.code != new.geo.code || documented && old.region.is_some() && old.region != new.region
}

impl Waiting {
    /// True if the operator rejected the addition of this range.
    pub(super) fn rejects(&self, range: &Range) -> bool {
        self.is_rejected() && matches!(&self.action, Action::Add(rejected) if rejected == range)
    }

    /// Seconds for which it must still be offered; `None` if that does not end the wait.
    fn left(&self, policy: &GatePolicy) -> Option<u64> {
        match self.wait {
            Wait::Confirmation => Some(policy.confirm_after.as_secs().saturating_sub(self.elapsed)),
            Wait::Hold => Some(policy.hold.as_secs().saturating_sub(self.seen)),
            Wait::Approval | Wait::Room | Wait::Rejected => None,
        }
    }

    /// The offered and the elapsed time after another step.
    pub(super) const fn after(&self, step: Step) -> (u64, u64) {
        (self.seen.saturating_add(step.offered), self.elapsed.saturating_add(step.elapsed))
    }

    /// True if it has waited long enough. A change that waits for room always has: `carry_out` checks the
    /// room.
    pub(super) fn is_due(&self, policy: &GatePolicy) -> bool {
        self.wait == Wait::Room || self.again && self.left(policy) == Some(0)
    }

    /// True if the operator rejected it.
    pub(super) fn is_rejected(&self) -> bool {
        self.wait == Wait::Rejected
    }

    pub(super) fn pending(&self, policy: &GatePolicy) -> Pending<'_> {
        let left = self.left(policy).map(Duration::from_secs);
        Pending {
            prefix: self.action.prefix(),
            action: &self.action,
            change: self.change,
            wait: self.wait,
            left,
        }
    }
}
