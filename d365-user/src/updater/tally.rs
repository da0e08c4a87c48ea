//! Counts of rejected updates and of failures in the state directory, by reason, for the metrics.

use std::collections::BTreeMap;

use crate::gate::Refusal;

/// The values of a label. Their order is that of the metrics.
pub(super) trait Label: Copy + Ord + 'static {
    /// Every value.
    const ALL: &'static [Self];

    /// The value of the label.
    fn as_str(self) -> &'static str;
}

/// A counter for each value of a label.
pub(super) struct Tally<L>(BTreeMap<L, u64>);

impl<L: Label> Default for Tally<L> {
    fn default() -> Self {
        Self(L::ALL.iter().map(|label| (*label, 0)).collect())
    }
}

impl<L: Label> Tally<L> {
    pub(super) fn add(&mut self, label: L) {
        self.add_many(label, 1);
    }

    pub(super) fn add_many(&mut self, label: L, count: u64) {
        *self.0.entry(label).or_default() += count;
    }

    /// Every value with its count.
    pub(super) fn counts(&self) -> Vec<(&'static str, u64)> {
        self.0.iter().map(|(label, count)| (label.as_str(), *count)).collect()
    }
}

/// Reason why an update is not published: the value of the label `reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rejection {
    /// There are more ranges than counter slots.
    Capacity,
    /// The gate: [`Refusal::Empty`].
    Empty,
    /// The gate: [`Refusal::Flood`].
    Flood,
    /// The kernel rejected a map or an entry.
    Kernel,
    /// The kernel's answers differ from the reference's.
    Proof,
    /// The lists cannot be merged into one set: too many ranges.
    Ranges,
    /// The gate: [`Refusal::Shrink`].
    Shrink,
    /// The gate: [`Refusal::StepBack`].
    StepBack,
}

impl Label for Rejection {
    const ALL: &'static [Self] = &[
        Self::Capacity,
        Self::Empty,
        Self::Flood,
        Self::Kernel,
        Self::Proof,
        Self::Ranges,
        Self::Shrink,
        Self::StepBack,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Capacity => "capacity",
            Self::Empty => Refusal::Empty.as_str(),
            Self::Flood => Refusal::Flood.as_str(),
            Self::Kernel => "kernel",
            Self::Proof => "proof",
            Self::Ranges => "ranges",
            Self::Shrink => Refusal::Shrink.as_str(),
            Self::StepBack => Refusal::StepBack.as_str(),
        }
    }
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Empty => Self::Empty,
            Refusal::StepBack => Self::StepBack,
            Refusal::Shrink => Self::Shrink,
            Refusal::Flood => Self::Flood,
        }
    }
}

/// The subject of a failure to save or load: the value of the label `operation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum StateFailure {
    /// An approval or its answer.
    Approval,
    /// The directory itself.
    Directory,
    /// A document.
    Document,
    /// The gates.
    Gates,
    /// The directory does not answer.
    Hang,
}

impl Label for StateFailure {
    const ALL: &'static [Self] =
        &[Self::Approval, Self::Directory, Self::Document, Self::Gates, Self::Hang];

    fn as_str(self) -> &'static str {
        match self {
            Self::Approval => "approval",
            Self::Directory => "directory",
            Self::Document => "document",
            Self::Gates => "gates",
            Self::Hang => "hang",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_shown_from_the_start_in_the_order_of_its_name() {
        let words =
            |counts: Vec<(&'static str, u64)>| counts.into_iter().map(|(word, _)| word).collect::<Vec<_>>();
        let rejections = words(Tally::<Rejection>::default().counts());
        assert!(rejections.is_sorted() && Refusal::ALL.iter().all(|one| rejections.contains(&one.as_str())));
        let failures = words(Tally::<StateFailure>::default().counts());
        assert_eq!(failures, ["approval", "directory", "document", "gates", "hang"]);
    }
}
