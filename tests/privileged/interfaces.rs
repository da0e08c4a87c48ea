//! Interfaces that are deleted, moved or renamed, that lie above one another, or that have long names.

mod moved;
mod names;
mod order;
mod returned;
