//! Integration tests.

mod promtool;
