//! Generations: a range list compiled into what the kernel looks up, which counter slot belongs to which
//! range, and what a generation has to be asked before it is published. Pure; it never touches a map.

mod compile;
mod questions;
mod slots;

pub use compile::{CompileError, Compiled, compile};
pub use questions::{Question, questions};
pub use slots::{Owner, Slots, SlotsFull};
