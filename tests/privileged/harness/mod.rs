//! The harness itself: what the other tests trust without looking.

mod faults;
mod links;
mod namespaces;
mod odd_machine;
mod root;
mod surroundings;
