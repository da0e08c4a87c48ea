//! The tests for which `cargo xtask vm-test` has made this machine.

/// Returns true if this machine was made for tests with this need.
pub(crate) fn is(need: &str) -> bool {
    std::env::var("D365_MACHINE").is_ok_and(|machine| machine == need)
}
