//! The state of a gate that outlives the process.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::{change::Waiting, number::Number, policy::Trust, time::Timestamp};
use crate::ranges::Range;

/// The state that outlives the process. A prefix is accepted, retired, or neither. The waiting changes are
/// keyed by prefix, because there is only one difference for each prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) accepted: BTreeMap<IpNet, Range>,
    pub(super) retired: BTreeMap<IpNet, Retired>,
    pub(super) waiting: BTreeMap<IpNet, Waiting>,
    pub(super) number: Number,
    /// Times and numbers of the additions within the last week that passed without a hold and without
    /// approval: by a second fetch, or because room became free.
    pub(super) grown: Vec<(Timestamp, u64)>,
    /// The time up to which waits are counted, and the origin of the last offer.
    pub(super) mark: Option<Mark>,
    /// The last offer that confirmed the list.
    pub(super) confirmed: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Retired {
    pub(super) range: Range,
    pub(super) until: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) at: Timestamp,
    pub(super) trust: Trust,
}
