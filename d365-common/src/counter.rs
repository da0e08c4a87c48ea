//! Counters: their layout, and where each stands in its map.
//!
//! Both maps are per-CPU arrays of [`Counter`], one row an interface. Only the kernel program writes
//! them. They live outside generations.

use crate::{effect::Effect, verdict::Class};

/// One CPU's counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Counter {
    /// Packets.
    pub packets: u64,
    /// Bytes of the frames, from the Ethernet header on.
    pub bytes: u64,
    /// Segments with SYN and without ACK.
    pub connections: u64,
}

impl Counter {
    /// Its size in bytes.
    pub const SIZE: u32 = 24;
}

const _: () = assert!(size_of::<Counter>() == Counter::SIZE as usize && align_of::<Counter>() == 8);

// SAFETY: three `u64`, `repr(C)`, no padding; every bit pattern is a value.
#[cfg(feature = "user")]
unsafe impl aya::Pod for Counter {}

/// Index of a range's counter: `row` is the interface's, `capacity` the slots of a row.
#[inline(always)]
#[must_use]
pub const fn range_index(row: u32, capacity: u32, slot: u32) -> u32 {
    row * capacity + slot
}

/// Counters of one row of classes and effects.
pub const CLASS_ROW: u32 = Class::COUNT + Effect::COUNT;

/// Index of a class's counter in the interface's `row`.
#[inline(always)]
#[must_use]
pub const fn class_index(row: u32, class: Class) -> u32 {
    row * CLASS_ROW + class as u32
}

/// Index of an effect's counter in the interface's `row`. Its bytes and connections are the packet's too.
#[inline(always)]
#[must_use]
pub const fn effect_index(row: u32, effect: Effect) -> u32 {
    row * CLASS_ROW + Class::COUNT + effect as u32
}

/// Rows for so many interfaces. With more than one there is a last row for packets that name none of
/// them: a bond's program sees the interface below the bond.
#[inline(always)]
#[must_use]
pub const fn rows(interfaces: u32) -> u32 {
    if interfaces > 1 { interfaces + 1 } else { 1 }
}
