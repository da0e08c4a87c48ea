//! The identity of this build.

/// The workspace's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The SHA-256 digest of the kernel object, the first 12 hexadecimal digits.
pub const OBJECT: &str = env!("D365_OBJECT");

/// The commit of this build, from `D365_REVISION` at build time; otherwise `unknown`.
pub const REVISION: &str = match option_env!("D365_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};
