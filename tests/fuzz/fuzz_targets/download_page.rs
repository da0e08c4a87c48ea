//! Fuzz target that calls [`download_page::check`].
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../properties/download_page.rs"]
mod download_page;
mod limits;

const LIMITS: limits::Limits = limits::Limits { fixed: 64 << 10, for_each_byte: 64 };

fuzz_target!(|input: &[u8]| LIMITS.hold(input, download_page::check));
