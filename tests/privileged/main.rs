//! Integration tests that need root.
#![expect(clippy::unwrap_used, reason = "clippy counts only functions marked #[test] as tests")]

mod harness;
