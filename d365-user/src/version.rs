//! Which build this is.

/// The workspace's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that it was built from, by `D365_REVISION` at build time; else `unknown`.
pub const REVISION: &str = match option_env!("D365_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};
