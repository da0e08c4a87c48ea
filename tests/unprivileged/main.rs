//! Tests that need no privilege and no kernel program.

mod approve;
mod benchmark;
mod download;
mod drift;
mod embedded_list;
mod environment;
mod fuzz;
mod gate;
mod oracle;
mod parser;
mod promtool;
mod ranges;
mod service_tags;

// What the benchmark makes of its measurements. It has no tests of its own: they are in `benchmark`.
#[path = "../bench/check.rs"]
mod check;
#[path = "../bench/compare.rs"]
mod compare;
#[path = "../bench/machine.rs"]
mod machine;
#[path = "../bench/report/mod.rs"]
mod report;
#[expect(dead_code, reason = "nothing is measured here")]
#[path = "../bench/rounds.rs"]
mod rounds;
