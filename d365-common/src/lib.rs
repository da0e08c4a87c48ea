//! What the kernel program and the daemon share: the packet parser and the verdict, the layout of
//! keys, entries, counters and tags, and the names of maps.
//!
//! `no_std`, no allocation, no panics on any input. Nothing here knows a map, a kernel or a file;
//! who reads a packet and who looks a source up is handed in.
#![no_std]

pub mod answer;
pub mod counter;
pub mod direct;
pub mod dscp;
pub mod effect;
pub mod entry;
pub mod key;
pub mod lease;
pub mod mark;
pub mod names;
pub mod packet;
pub mod path;
pub mod record;
pub mod setup;
pub mod verdict;
