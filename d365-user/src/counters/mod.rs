//! The counter slot of each range and the row of each interface, across generations and daemons. Pure: the
//! counts themselves are in the kernel's maps alone, and nothing is added up here.

mod published;
mod rows;
mod slots;

pub(crate) use published::{Clear, PendingGeneration, PublishedState};
pub(crate) use rows::assign_rows;
pub use slots::{Slots, SlotsFull, slots_for};
