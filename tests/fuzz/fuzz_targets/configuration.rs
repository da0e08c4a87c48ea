//! Fuzz target that calls [`configuration::check`].
#![no_main]

use std::env;

use libfuzzer_sys::fuzz_target;

#[path = "../properties/configuration.rs"]
mod configuration;
mod limits;

use configuration::Start;

const LIMITS: limits::Limits = limits::Limits { fixed: 2 << 20, for_each_byte: 256 };

fuzz_target!(|input: &[u8]| {
    let Some(Start { arguments, variables }) = Start::read(input) else { return };
    for (name, value) in &variables {
        // SAFETY: only libFuzzer has further threads, and those never read the environment.
        unsafe { env::set_var(name, value) };
    }
    LIMITS.hold(input, |_| configuration::check(&arguments));
    for (name, _) in &variables {
        // SAFETY: as above.
        unsafe { env::remove_var(name) };
    }
});
