//! Tags: what of a packet is changed, for whom, and that nothing else is.

mod daemon;
mod dscp;
mod marks;
mod order;
mod sessions;
