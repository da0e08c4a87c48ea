//! The errors of an export.

/// Reason why there is no export. Nothing is written then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// The selection has no range.
    #[error("the published list has no range of this selection; an empty list is never exported")]
    Empty,
    /// The trust in ranges has ended.
    #[error("the lease of {count} of {all} ranges has ended: their sources have not confirmed them")]
    Lapsed {
        /// The number of these ranges.
        count: usize,
        /// The number of ranges in the selection.
        all: usize,
    },
}
