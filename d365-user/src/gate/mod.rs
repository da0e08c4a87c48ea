//! The gate decides which changes of an offered list are accepted now, which wait, and which ranges stay
//! although the offer lacks them. There is one gate for each source. It is a pure state machine: it reads no
//! clock, no file and no network, and it never sees a packet or a map.
//!
//! - An **offer** is one good reading of the source: a fetched document, also one that the server reports as
//!   unchanged, or a file as it is now. A document from the cache is not an offer: it would confirm itself.
//! - A change that needs **room** is held while all lists together have no room for it. So the list of one
//!   source cannot prevent the publication of another's.
//! - Each difference from the accepted list is a change of one prefix. It passes at once, or waits
//!   ([`Wait`]): for a second fetch, for `hold`, for room, or for the operator. A change that an offer no
//!   longer shows is withdrawn; if it is offered again, its wait starts again. A change that the operator
//!   rejected waits for the operator's approval until it is withdrawn.
//! - An offer is **held whole** if its change number is lower, if it is much shorter than the accepted list,
//!   or if it has very many new ranges. Then each of its changes waits for `hold`, and the offer does not
//!   confirm the list.
//! - The first offer is the baseline: it passes as it is, except for prefixes that are too broad for a
//!   download.
//! - An accepted list never becomes empty again, whatever is offered.
//!
//! **Time** counts for a hold between two consecutive offers that show the change. The daemon must have run,
//! no reading may have failed between them ([`Gate::interrupt`]), and they must be at most
//! [`GatePolicy::longest_gap`] apart. Any other time does not count, because the source's list was unknown
//! then. A second fetch confirms a change, whatever happened between the two. If the clock goes back, no time
//! counts.

mod apply;
pub mod approval;
mod approve;
mod change;
mod decision;
pub mod gates;
mod judge;
mod machine;
mod merge;
mod number;
mod offer;
mod policy;
mod room;
mod state;
mod time;

pub use change::{Action, Change, Pending, Wait};
pub use decision::{By, Decision, Refusal};
pub use machine::Gate;
pub use merge::{Part, PartList, merge};
pub use number::StepBack;
pub use offer::Offer;
pub use policy::{GatePolicy, Trust};
pub use room::Room;
pub use state::{Inconsistent, State};
pub use time::Timestamp;

#[cfg(test)]
mod tests;
