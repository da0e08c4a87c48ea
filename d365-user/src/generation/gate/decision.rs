//! What the gate decided: for the log, the metrics, and whoever publishes.

use std::fmt;

use ipnet::IpNet;

use super::{Action, Change, Timestamp};
use crate::ranges::Range;

/// Why a change passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// It is part of the source's first list.
    First,
    /// A local list says so.
    Local,
    /// A second fetch showed it too.
    Confirmation,
    /// It was offered for `hold`.
    Hold,
    /// The operator approved it.
    Approval,
    /// There is room for it by now.
    Room,
    /// It was retired less than `grace` ago and is offered again.
    Return,
    /// It is a detail: the region's name, or who names the same geo.
    Detail,
}

/// Why nothing of an offer passed: the value of the label `reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It lists nothing.
    Empty,
    /// Its change number is lower than the accepted one, or missing.
    StepBack,
    /// It is much shorter than the accepted list.
    Shrink,
    /// It has very many new ranges.
    Flood,
}

/// One thing decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The range is in the list from now on.
    Accepted {
        /// The range.
        range: Range,
        /// Why.
        by: By,
    },
    /// The range has left the list; it is recognised as retired for a while.
    Retired {
        /// The range.
        range: Range,
        /// Why.
        by: By,
        /// How long it is recognised.
        until: Timestamp,
    },
    /// The range has another geo or region from now on.
    Relabelled {
        /// As it was.
        from: Range,
        /// As it is.
        to: Range,
        /// Why.
        by: By,
    },
    /// The lower change number is taken as the list's.
    SteppedBack {
        /// The number that was accepted before.
        from: u64,
        /// The one that is accepted now.
        to: Option<u64>,
        /// Why.
        by: By,
    },
    /// A retired range is no longer recognised.
    Gone(Range),
    /// A change waits that did not wait before.
    Waits {
        /// Of which prefix.
        prefix: IpNet,
        /// What would be done.
        action: Action,
        /// Why it waits.
        change: Change,
    },
    /// A change that waited is no longer offered.
    Withdrawn {
        /// Of which prefix.
        prefix: IpNet,
        /// The action that is not done.
        action: Action,
    },
    /// The operator does not want the change.
    Rejected {
        /// Of which prefix.
        prefix: IpNet,
        /// The action that is not done.
        action: Action,
    },
    /// Nothing of the offer passes now; said at each such offer. (What was held for long enough passes nevertheless.)
    Refused(Refusal),
    /// The offer confirms the list.
    Confirmed,
}

impl Decision {
    /// Whether what is to be recognised has changed, so that a generation is due.
    #[must_use]
    pub const fn is_published(&self) -> bool {
        matches!(self, Self::Accepted { .. } | Self::Retired { .. } | Self::Relabelled { .. } | Self::Gone(_))
    }
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Empty, Self::StepBack, Self::Shrink, Self::Flood];

    /// The label's value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::StepBack => "step_back",
            Self::Shrink => "shrink",
            Self::Flood => "flood",
        }
    }

    /// The reason that the changes of such an offer wait for.
    pub(super) const fn change(self) -> Option<Change> {
        match self {
            Self::Empty => None,
            Self::StepBack => Some(Change::StepBack),
            Self::Shrink => Some(Change::Shrink),
            Self::Flood => Some(Change::Flood),
        }
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::First => "the source's first list",
            Self::Local => "a local list",
            Self::Confirmation => "a second fetch shows it too",
            Self::Hold => "offered for the whole hold time",
            Self::Approval => "approved",
            Self::Room => "there is room for it",
            Self::Return => "offered again",
            Self::Detail => "a detail",
        })
    }
}
