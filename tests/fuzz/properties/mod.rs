//! What must hold for any bytes that the daemon is given. One file a fuzz target; its function panics where a property does
//! not hold, and does nothing else: it touches no file, no network and no kernel.
//!
//! The fuzzer calls them (`fuzz_targets`), and `cargo test` does with every input that is kept (`tests/unprivileged/fuzz.rs`).

pub(crate) mod configuration;
pub(crate) mod download_page;
pub(crate) mod packet;
pub(crate) mod plain_list;
pub(crate) mod service_tags;
pub(crate) mod state_file;
