//! Generations. A generation is a range list, compiled into what the kernel looks up: trie entries and a
//! direct table. This module also generates the addresses with which a generation is verified before it is
//! published. Pure; it never touches a map or a file.

mod compile;
mod direct;
mod groups;
mod probes;

pub use compile::{Compiled, CounterKey, compile};
pub use direct::{Change, Table, TableSize, changes};
pub use groups::Groups;
pub use probes::{Probe, ReferenceTrie, probes};
