//! Counts: the counter slot of each range, the totals by range and geo, and the file and pinned maps that keep
//! them across restarts.

mod published;
mod record;
mod slots;
pub mod stored;
mod totals;

pub use published::DraftError;
pub(crate) use published::{Book, Draft, Towards, row_names};
pub(crate) use record::Record;
pub use slots::{Owner, Slots, SlotsFull, slots_for};
pub use totals::{Ledger, Reading, Row};
