//! The daemon's readiness.

use std::borrow::Cow;

/// The daemon's readiness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Not ready, with the reason: one line for the operator.
    NotReady(Cow<'static, str>),
    /// Attached.
    Ready,
}
