//! libFuzzer's way to [`packet::check`].
#![no_main]

use libfuzzer_sys::fuzz_target;

mod memory;
#[path = "../properties/packet.rs"]
mod packet;

const MEMORY: memory::Bound = memory::Bound { fixed: 4 << 10, for_each_byte: 2 };

fuzz_target!(|input: &[u8]| MEMORY.holds(input, packet::check));
