//! Generations: a range list compiled into what the kernel looks up. Pure; it never touches a map.

mod compile;

pub use compile::{CompileError, Compiled, compile};
