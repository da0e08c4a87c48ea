//! Tags: the changes to a packet, the packets that get them, and that nothing else changes.

mod daemon;
mod dscp;
mod marks;
mod order;
mod sessions;
