//! The time between two offers.

/// The time between two offers, in seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Step {
    /// All of it.
    pub(super) elapsed: u64,
    /// The part that counts as offered: all of it, or zero if the source's list was unknown in between.
    pub(super) offered: u64,
}
