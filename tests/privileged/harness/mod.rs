//! Tests of the harness itself, which the other tests rely on.

mod faults;
mod links;
mod namespaces;
mod odd_machine;
mod surroundings;
