//! The gate's decisions, for the log, the metrics, and the publication.

use std::fmt;

use ipnet::IpNet;

use super::{
    change::{Action, Change},
    time::Timestamp,
};
use crate::ranges::Range;

/// Reason why a change passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// It is part of the source's first list.
    First,
    /// A local list has it.
    Local,
    /// A second fetch showed it too.
    Confirmation,
    /// It was offered for `hold`.
    Hold,
    /// The operator approved it.
    Approval,
    /// Room for it became free.
    Room,
    /// It was retired less than `grace` ago and is offered again.
    Return,
    /// It is a detail: the region's name, or the origin of the same geo.
    Detail,
}

/// Reason why an offer was refused: the value of the label `reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It lists no range.
    Empty,
    /// Its change number is lower than the accepted one, or missing.
    StepBack,
    /// It is much shorter than the accepted list.
    Shrink,
    /// It has very many new ranges.
    Flood,
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say what the fields are")]
pub enum Decision {
    /// The range is in the list from now on.
    Accepted { range: Range, by: By },
    /// The range has left the list; it is recognised as retired until that time.
    Retired { range: Range, by: By, until: Timestamp },
    /// The range has another geo or region from now on.
    Relabelled { from: Range, to: Range, by: By },
    /// The lower change number is accepted.
    SteppedBack { from: u64, to: Option<u64>, by: By },
    /// A retired range is no longer recognised.
    Gone(Range),
    /// A change waits that did not wait before, or waits for another reason.
    Waits { prefix: IpNet, action: Action, change: Change },
    /// A change that waited is no longer offered.
    Withdrawn { prefix: IpNet, action: Action },
    /// The operator rejected the change.
    Rejected { prefix: IpNet, action: Action },
    /// The offer is held or empty; repeated for each such offer. Changes that were held long enough pass
    /// nevertheless.
    Refused(Refusal),
    /// The offer confirms the list.
    Confirmed,
}

impl Decision {
    /// Returns true if the recognised ranges have changed, so that a new generation must be published.
    #[must_use]
    pub const fn is_published(&self) -> bool {
        matches!(self, Self::Accepted { .. } | Self::Retired { .. } | Self::Relabelled { .. } | Self::Gone(_))
    }
}

impl Refusal {
    /// All reasons.
    pub const ALL: [Self; 4] = [Self::Empty, Self::StepBack, Self::Shrink, Self::Flood];

    /// The value of the label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::StepBack => "step_back",
            Self::Shrink => "shrink",
            Self::Flood => "flood",
        }
    }

    /// The reason with which the changes of such an offer wait.
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
