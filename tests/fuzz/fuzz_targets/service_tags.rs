//! Fuzz target that calls [`service_tags::check`].
#![no_main]

use libfuzzer_sys::fuzz_target;

mod limits;
#[path = "../properties/service_tags.rs"]
mod service_tags;

const LIMITS: limits::Limits = limits::Limits { fixed: 512 << 10, for_each_byte: 100 };

fuzz_target!(|input: &[u8]| LIMITS.hold(input, service_tags::check));
