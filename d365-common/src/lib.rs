//! Code that the kernel program and the daemon share: the packet parser and the classification, the layout of
//! keys, entries, counters and tags, and the names of maps.
//!
//! The crate is `no_std`, allocates nothing and panics on no input. It does not use maps, the kernel or
//! files: the caller passes in a [`Reader`](packet::Reader) for packets and a
//! [`RangeLookup`](classification::RangeLookup) for sources.
#![no_std]

pub mod answer;
pub mod classification;
pub mod counter;
pub mod direct;
pub mod dscp;
pub mod entry;
pub mod key;
pub mod lease;
pub mod mark;
pub mod names;
pub mod packet;
pub mod packet_action;
pub mod setup;
