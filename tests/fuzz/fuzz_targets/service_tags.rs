//! libFuzzer's way to [`service_tags::check`].
#![no_main]

use libfuzzer_sys::fuzz_target;

mod memory;
#[path = "../properties/service_tags.rs"]
mod service_tags;

const MEMORY: memory::Bound = memory::Bound { fixed: 512 << 10, for_each_byte: 100 };

fuzz_target!(|input: &[u8]| MEMORY.holds(input, service_tags::check));
