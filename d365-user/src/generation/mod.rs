//! Generations: a range list compiled into what the kernel looks up, which counter slot belongs to which
//! range, what a generation has to be asked before it is published, and what of an offered list is believed.
//! Pure; it never touches a map or a file.

mod compile;
pub mod gate;
mod questions;
mod slots;

pub use compile::{CompileError, Compiled, compile};
pub use questions::{Question, questions};
pub use slots::{Owner, Slots, SlotsFull};
