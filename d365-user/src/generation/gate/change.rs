//! Changes that wait: what would be done, why it is not done yet, and what it waits for.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{GatePolicy, Step, StepBack};
use crate::ranges::{Geo, GeoSource, Range};

/// What a change does to its prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The range comes into the list.
    Add(Range),
    /// The prefix leaves the list.
    Remove,
    /// The range stands in place of the one with other geo or region.
    Relabel(Range),
}

/// Why a change waits: the value of the label `change`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// A range of a download that no second fetch has shown yet.
    Addition,
    /// A range that is no longer listed.
    Removal,
    /// Another geo, or, of a documented range, another region.
    Geo,
    /// A prefix too broad to come from a download.
    Broad,
    /// It stands in an offer that is much shorter than the list.
    Shrink,
    /// It stands in an offer with very many new ranges.
    Flood,
    /// It stands in an offer with a lower change number.
    StepBack,
    /// A range of a download beyond what may come in within a week.
    Growth,
    /// The lists of all sources together have no room for it.
    Capacity,
}

/// What lets a change pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// A later fetch that shows it too, or approval.
    Confirmation,
    /// Being offered for `hold` without a break, or approval.
    Hold,
    /// Approval alone.
    Approval,
    /// Room for it beside all other lists.
    Room,
    /// Approval by its prefix: the operator rejected it.
    Rejected,
}

/// One change that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending<'a> {
    /// Of which prefix.
    pub prefix: IpNet,
    /// What would be done.
    pub action: &'a Action,
    /// Why it waits.
    pub change: Change,
    /// What for.
    pub wait: Wait,
    /// The time for which it must still be offered; `None` when only approval or room helps.
    pub left: Option<Duration>,
}

/// The same, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) action: Action,
    pub(super) change: Change,
    pub(super) wait: Wait,
    /// For how many seconds it has been offered: for a hold.
    pub(super) seen: u64,
    /// Seconds since it was shown first, as of the last offer: for a confirmation.
    pub(super) elapsed: u64,
    /// Whether more than one offer showed it. Without that it does not pass, however short the wait.
    pub(super) again: bool,
}

impl Change {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Addition,
        Self::Removal,
        Self::Geo,
        Self::Broad,
        Self::Shrink,
        Self::Flood,
        Self::StepBack,
        Self::Growth,
        Self::Capacity,
    ];

    /// The label's value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Addition => "addition",
            Self::Removal => "removal",
            Self::Geo => "geo",
            Self::Broad => "broad",
            Self::Shrink => "shrink",
            Self::Flood => "flood",
            Self::StepBack => "step_back",
            Self::Growth => "growth",
            Self::Capacity => "capacity",
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Action {
    /// The difference between what is accepted and what is offered for one prefix; `None` when nothing is to be done.
    ///
    /// A region or a geo that is no longer told, and a documented geo that is now told by less than the table, are no
    /// difference: what is known stays known.
    pub(super) fn between(accepted: Option<&Range>, offered: Option<&Range>) -> Option<Self> {
        let (old, new) = match (accepted, offered) {
            (None, None) => return None,
            (None, Some(new)) => return Some(Self::Add(new.clone())),
            (Some(_), None) => return Some(Self::Remove),
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

/// Whether the new range says something else of where mail comes from than the old: another geo, or, of a documented
/// range, another region. Anything else is a detail.
pub(super) fn is_other_geo(old: &Range, new: &Range) -> bool {
    let documented = old.geo.source == GeoSource::Documented;
    old.geo.code != new.geo.code || documented && old.region.is_some() && old.region != new.region
}

impl Waiting {
    /// True if the operator rejected the addition of this range.
    pub(super) fn rejects(&self, range: &Range) -> bool {
        self.is_rejected() && matches!(&self.action, Action::Add(rejected) if rejected == range)
    }

    /// For how many seconds more it must be offered; `None` when that does not help.
    fn left(&self, policy: &GatePolicy) -> Option<u64> {
        match self.wait {
            Wait::Confirmation => Some(policy.confirm_after.as_secs().saturating_sub(self.elapsed)),
            Wait::Hold => Some(policy.hold.as_secs().saturating_sub(self.seen)),
            Wait::Approval | Wait::Room | Wait::Rejected => None,
        }
    }

    /// The offered and the elapsed time with another step.
    pub(super) const fn after(&self, step: Step) -> (u64, u64) {
        (self.seen.saturating_add(step.offered), self.elapsed.saturating_add(step.elapsed))
    }

    /// True once it has waited long enough. A change that waits for room has: the room is looked for when it is done.
    pub(super) fn is_due(&self, policy: &GatePolicy) -> bool {
        self.wait == Wait::Room || self.again && self.left(policy) == Some(0)
    }

    /// True if the operator rejected it.
    pub(super) fn is_rejected(&self) -> bool {
        self.wait == Wait::Rejected
    }

    pub(super) fn pending(&self, prefix: IpNet, policy: &GatePolicy) -> Pending<'_> {
        let left = self.left(policy).map(Duration::from_secs);
        Pending { prefix, action: &self.action, change: self.change, wait: self.wait, left }
    }
}

/// SHA-256 of what would be done, one line a change. A region is written with its escapes, so that no region can look like
/// a line.
pub(super) fn digest(waiting: &BTreeMap<IpNet, Waiting>, step_back: Option<StepBack>) -> Option<String> {
    if waiting.is_empty() && step_back.is_none() {
        return None;
    }
    let mut hash = Sha256::new();
    if let Some(StepBack { from, to }) = step_back {
        hash.update(format!("number {from} {to:?}\n"));
    }
    for (prefix, waiting) in waiting {
        let (word, range) = match &waiting.action {
            Action::Add(range) => ("add", Some(range)),
            Action::Remove => ("remove", None),
            Action::Relabel(range) => ("relabel", Some(range)),
        };
        let label = range.map(|range| format!("{} {:?}", range.geo, range.region)).unwrap_or_default();
        let rejected = if waiting.is_rejected() { "rejected " } else { "" };
        hash.update(format!("{rejected}{word} {prefix} {label}\n"));
    }
    Some(hash.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
