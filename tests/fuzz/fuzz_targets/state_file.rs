//! Fuzz target that calls [`state_file::check`].
#![no_main]

use libfuzzer_sys::fuzz_target;

mod limits;
#[path = "../properties/state_file.rs"]
mod state_file;

const LIMITS: limits::Limits = limits::Limits { fixed: 256 << 10, for_each_byte: 100 };

fuzz_target!(|input: &[u8]| LIMITS.hold(input, state_file::check));
