//! A step back of the tag's change number.

/// A lower change number that is offered and held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepBack {
    /// The accepted number.
    pub from: u64,
    /// The offered number; `None` if the download has none.
    pub to: Option<u64>,
}
