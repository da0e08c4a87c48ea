//! Integration tests that need root.

mod harness;
