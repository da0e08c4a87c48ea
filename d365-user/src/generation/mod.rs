//! Generations: a range list compiled into what the kernel looks up (trie entries, a direct table), which counter slot
//! belongs to which range, what a generation has to be asked before it is published, and what of an offered list is believed.
//! Pure; it never touches a map or a file.

mod compile;
mod direct;
pub mod gate;
mod groups;
mod questions;
mod slots;

pub use compile::{CompileError, Compiled, compile};
pub use direct::{Change, Table, TableSize, changes};
pub use groups::Groups;
pub use questions::{Question, Reference, questions};
pub use slots::{Owner, Slots, SlotsFull, slots_for};
