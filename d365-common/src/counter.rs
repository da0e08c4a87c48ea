//! Layout of the counters, and the index of each counter in its map.
//!
//! Both maps are per-CPU arrays of [`Counter`], with one row for each interface. Only the kernel program
//! writes them. They live outside generations.

use crate::{classification::Class, packet_action::PacketAction};

/// Counts of one CPU, in host byte order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Counter {
    /// Number of packets.
    pub packets: u64,
    /// Bytes of the whole frames, Ethernet header included. A tc program counts those of a buffer: see
    /// `d365-ebpf/src/skb.rs`.
    pub bytes: u64,
    /// Number of TCP segments with SYN and without ACK.
    pub connections: u64,
}

impl Counter {
    /// Size in bytes.
    pub const SIZE: u32 = 24;
}

const _: () = assert!(size_of::<Counter>() == Counter::SIZE as usize && align_of::<Counter>() == 8);

// SAFETY: three `u64`, `repr(C)`, no padding; every bit pattern is a value.
#[cfg(feature = "user")]
unsafe impl aya::Pod for Counter {}

/// Index of a range's counter. `row` is the interface's row, `capacity` the number of slots in a row.
#[inline(always)]
#[must_use]
pub const fn range_index(row: u32, capacity: u32, slot: u32) -> u32 {
    row * capacity + slot
}

/// Counters in one row of classes and actions.
pub const CLASS_ROW: u32 = Class::COUNT + PacketAction::COUNT;

/// Index of a class's counter in the interface's `row`.
#[inline(always)]
#[must_use]
pub const fn class_index(row: u32, class: Class) -> u32 {
    row * CLASS_ROW + class as u32
}

/// Index of an action's counter in the interface's `row`. It counts the same packet and its bytes, and no
/// connections.
#[inline(always)]
#[must_use]
pub const fn action_index(row: u32, action: PacketAction) -> u32 {
    row * CLASS_ROW + Class::COUNT + action as u32
}

/// Number of rows for this number of interfaces. With more than one interface, a last row counts the packets
/// whose interface index is not configured: a program on a bond sees the index of the interface below the
/// bond.
#[inline(always)]
#[must_use]
pub const fn rows(interfaces: u32) -> u32 {
    if interfaces > 1 { interfaces + 1 } else { 1 }
}
