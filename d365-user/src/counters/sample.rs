//! The values of the kernel's counters at one moment.

use crate::{kernel::InterfaceCounts, snapshot::Count};

/// The values of one row of the kernel's counters.
#[derive(Clone, Debug)]
pub struct CounterSample {
    /// One for each owner's slot, in the order of the owners.
    pub owners: Vec<Count>,
    /// The value for unlisted sources.
    pub unlisted: Count,
    /// Each other class and each action: its name and its value.
    pub other: Vec<(&'static str, u64)>,
}

impl From<InterfaceCounts> for CounterSample {
    fn from(counts: InterfaceCounts) -> Self {
        let classes = counts.other.into_iter().map(|(class, packets)| (class.as_str(), packets));
        let actions = counts.actions.into_iter().map(|(action, packets)| (action.as_str(), packets));
        Self { owners: counts.ranges, unlisted: counts.unlisted, other: classes.chain(actions).collect() }
    }
}
