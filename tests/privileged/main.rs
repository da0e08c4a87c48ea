//! Tests that need root: they load the program into this machine's kernel, or they need namespaces.
#![expect(clippy::unwrap_used, reason = "a test that cannot continue panics")]

mod bad_input;
#[path = "../bpf.rs"]
mod bpf;
mod buffers;
mod doctor;
mod drift;
mod drops;
mod end_to_end;
mod every_call;
mod foreign;
mod full_disk;
mod handover;
mod harness;
mod hung_disk;
mod inspect;
mod interfaces;
mod judged;
mod kernel;
mod lease;
mod limits;
mod links;
mod listening;
mod local_user;
mod logging;
mod mail;
mod nic;
mod notify;
mod object;
mod operation;
mod oracle;
mod publishing;
mod random_sets;
mod range_metrics;
mod recipes;
mod samples;
mod signals;
mod steps;
mod stopping;
mod swap;
mod table;
mod tags;
mod tc;
mod unlisted;
mod updates;
mod verdicts;
