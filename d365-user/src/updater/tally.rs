//! Counts of rejected updates and of failures in the state directory, by reason, for the metrics.

use crate::gate::Refusal;

/// The values of a label.
pub(super) trait Label: Copy + PartialEq + 'static {
    /// Every value, in the order of the metrics.
    const ALL: &'static [Self];

    /// The value of the label.
    fn as_str(self) -> &'static str;
}

/// A counter for each value of a label.
pub(super) struct Tally<L>(Vec<(L, u64)>);

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
        for (_, sum) in self.0.iter_mut().filter(|(of, _)| *of == label) {
            *sum += count;
        }
    }

    /// Every value with its count.
    pub(super) fn counts(&self) -> Vec<(&'static str, u64)> {
        self.0.iter().map(|(label, count)| (label.as_str(), *count)).collect()
    }
}

/// Reason why an update is not published: the value of the label `reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rejection {
    /// There are more ranges than counter slots.
    Capacity,
    /// The gate refused the offer.
    Gate(Refusal),
    /// The kernel rejected a map or an entry.
    Kernel,
    /// The kernel's answers differ from the reference's.
    Proof,
    /// The lists cannot be merged into one set: too many ranges.
    Ranges,
}

impl Label for Rejection {
    const ALL: &'static [Self] = &[
        Self::Capacity,
        Self::Gate(Refusal::Empty),
        Self::Gate(Refusal::Flood),
        Self::Kernel,
        Self::Proof,
        Self::Ranges,
        Self::Gate(Refusal::Shrink),
        Self::Gate(Refusal::StepBack),
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Capacity => "capacity",
            Self::Gate(refusal) => refusal.as_str(),
            Self::Kernel => "kernel",
            Self::Proof => "proof",
            Self::Ranges => "ranges",
        }
    }
}

/// The subject of a failure to save or load: the value of the label `operation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// The published list for other programs.
    Published,
}

impl Label for StateFailure {
    const ALL: &'static [Self] =
        &[Self::Approval, Self::Directory, Self::Document, Self::Gates, Self::Hang, Self::Published];

    fn as_str(self) -> &'static str {
        match self {
            Self::Approval => "approval",
            Self::Directory => "directory",
            Self::Document => "document",
            Self::Gates => "gates",
            Self::Hang => "hang",
            Self::Published => "published",
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
        assert_eq!(failures, ["approval", "directory", "document", "gates", "hang", "published"]);
    }
}
