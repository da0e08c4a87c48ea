//! Tests that need no privilege and no kernel program.

mod approve;
mod download;
mod drift;
mod embedded_list;
mod fuzz;
mod gate;
mod oracle;
mod parser;
mod promtool;
mod ranges;
mod service_tags;
