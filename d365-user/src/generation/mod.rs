//! Generations. A generation is a range list, compiled into what the kernel looks up: trie entries and a
//! direct table. This module also assigns counter slots to ranges, generates the addresses with which a
//! generation is verified before it is published, and decides which changes of an offered list are accepted.
//! Pure; it never touches a map or a file.

mod compile;
mod direct;
pub mod gate;
mod groups;
mod probes;
mod slots;

pub use compile::{CompileError, Compiled, compile};
pub use direct::{Change, Table, TableSize, changes};
pub use groups::Groups;
pub use probes::{Probe, ReferenceTrie, probes};
pub use slots::{CounterKey, Slots, SlotsFull, slots_for};
