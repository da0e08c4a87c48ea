//! Counts: the counter slot of each range, the totals by range and geo, and the file and pinned maps that
//! keep them across restarts.

mod published;
mod record;
mod sample;
mod slots;
pub mod stored;
mod totals;

pub use published::PendingError;
pub(crate) use published::{Goal, PendingGeneration, PublishedState, row_names};
pub(crate) use record::Record;
pub use sample::CounterSample;
pub use slots::{Slots, SlotsFull, slots_for};
pub use totals::{CounterTotals, Row};
