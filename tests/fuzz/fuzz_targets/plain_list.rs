//! libFuzzer's way to [`plain_list::check`].
#![no_main]

use libfuzzer_sys::fuzz_target;

mod memory;
#[path = "../properties/plain_list.rs"]
mod plain_list;

const MEMORY: memory::Bound = memory::Bound { fixed: 64 << 10, for_each_byte: 200 };

fuzz_target!(|input: &[u8]| MEMORY.holds(input, plain_list::check));
