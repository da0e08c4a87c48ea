//! Properties that must hold for any bytes that the daemon is given. Each file belongs to one fuzz target.
//! Its function panics if a property does not hold. It does nothing else: it touches no file, no network and
//! no kernel.
//!
//! The fuzz targets (`fuzz_targets`) call these functions. `cargo test` calls them as well, with every input
//! that is kept (`tests/unprivileged/fuzz.rs`).

pub(crate) mod configuration;
pub(crate) mod download_page;
pub(crate) mod packet;
pub(crate) mod plain_list;
pub(crate) mod service_tags;
pub(crate) mod state_file;
