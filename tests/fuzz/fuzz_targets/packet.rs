//! Fuzz target that calls [`packet::check`].
#![no_main]

use libfuzzer_sys::fuzz_target;

mod limits;
#[path = "../properties/packet.rs"]
mod packet;

const LIMITS: limits::Limits = limits::Limits { fixed: 4 << 10, for_each_byte: 2 };

fuzz_target!(|input: &[u8]| LIMITS.hold(input, packet::check));
