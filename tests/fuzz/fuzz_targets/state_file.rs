//! libFuzzer's way to [`state_file::check`].
#![no_main]

use libfuzzer_sys::fuzz_target;

mod memory;
#[path = "../properties/state_file.rs"]
mod state_file;

const MEMORY: memory::Bound = memory::Bound { fixed: 256 << 10, for_each_byte: 100 };

fuzz_target!(|input: &[u8]| MEMORY.holds(input, state_file::check));
