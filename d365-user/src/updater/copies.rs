//! The state of the copies of the published list outside the kernel, which other programs read: a file in the
//! state directory, and the exports.

use std::time::Instant;

use super::exports::Exports;
use crate::published::PublishedSource;

/// The facts that a copy shows, apart from its ranges: the number of its generation, the sources, and for
/// each source true if its lease has ended.
pub(super) type Shown = (u64, Vec<(PublishedSource, bool)>);

/// The state of the copies.
pub(super) struct Copies {
    /// `None` without `--export`.
    pub(super) exports: Option<Exports>,
    /// The facts that the exports have.
    pub(super) exported: Option<Shown>,
    /// The facts that the file has.
    pub(super) saved: Option<Shown>,
    /// The time of the next try after the file could not be written.
    pub(super) retry_at: Option<Instant>,
}

impl Copies {
    pub(super) fn new(exports: Option<Exports>) -> Self {
        Self { exports, exported: None, saved: None, retry_at: None }
    }
}
