//! Tests that need no privilege and no kernel program.

mod embedded_list;
mod parser;
mod promtool;
