//! The ranges to recognise: ranges of source addresses, each with its geo. Pure; no I/O, no kernel.
//!
//! [`RangeSet::build`] turns the lists of [`crate::source`] into one sorted list, which all later stages use.

mod error;
mod merge;
mod policy;
mod range;
pub mod set;
mod sources;
pub mod special;
mod warning;

pub use error::{RangeError, Refusal};
pub use policy::Policy;
pub use range::Range;
pub use set::RangeSet;
pub use sources::SourceSet;
pub use warning::{Place, Warning};
