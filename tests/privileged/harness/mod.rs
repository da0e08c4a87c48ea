//! The harness itself: what the other tests trust without looking.

mod links;
mod namespaces;
mod surroundings;
