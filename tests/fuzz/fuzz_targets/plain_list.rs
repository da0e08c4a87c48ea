//! Fuzz target that calls [`plain_list::check`].
#![no_main]

use libfuzzer_sys::fuzz_target;

mod limits;
#[path = "../properties/plain_list.rs"]
mod plain_list;

const LIMITS: limits::Limits = limits::Limits { fixed: 64 << 10, for_each_byte: 200 };

fuzz_target!(|input: &[u8]| LIMITS.hold(input, plain_list::check));
