//! Attaches the tc program to interfaces: by a tcx link (Linux 6.6), or as a filter of a `clsact` qdisc on
//! older kernels.
//!
//! The daemon never detaches or replaces a program of another owner. The tc program runs before the others or
//! after them, and passes every packet on to those that follow.

mod clsact;
mod filter;
mod tagger;

pub(super) use self::clsact::{OwnFilter, filters, tcx};
pub use self::tagger::{Tagger, TaggerError, TcHold};
