//! Attaches tc programs to interfaces: by a tcx link (Linux 6.6), or as a filter of a `clsact` qdisc on older
//! kernels.
//!
//! The daemon never detaches or replaces a program of another owner. A tc program runs before the others or
//! after them, and leaves the verdict on packets that pass to those that follow.

mod clsact;
mod filter;
mod program;

pub(super) use self::clsact::{OwnFilter, filters, programs, tcx};
pub use self::program::{TcError, TcHold, TcProgram};
