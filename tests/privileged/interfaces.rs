//! Interfaces that go, move, change their name, lie above one another, or have long names.

mod moved;
mod names;
mod order;
