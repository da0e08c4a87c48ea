//! Tests that need no privilege and no kernel program.

mod approve;
mod benchmark;
mod configuration;
mod download;
mod drift;
mod drivers;
mod embedded_list;
mod environment;
mod export;
mod fuzz;
mod gate;
mod oracle;
mod parser;
mod profile;
mod ranges;
mod reference;
mod service_tags;
mod web;

// The benchmark's modules that evaluate measurements. They contain no tests of their own: those are in
// `benchmark`.
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
