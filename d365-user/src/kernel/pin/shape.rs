//! The shape of a map. The daemon compares it before it trusts a pinned map to hold counters.

use std::fmt;

use aya::maps::{MapData, MapError, MapType};
use d365_common::counter::Counter;

/// Bytes of an array map's key, a `u32`.
const INDEX: u32 = 4;

/// The shape of a map: its type and its sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    per_cpu_array: bool,
    key: u32,
    value: u32,
    entries: u32,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { per_cpu_array, key, value, entries } = self;
        let kind = if *per_cpu_array { "a per-CPU array" } else { "a map of another type" };
        write!(f, "{kind} of {entries} entries (key {key} bytes, value {value} bytes)")
    }
}

impl Shape {
    /// The shape of a map of counters with this number of entries.
    pub(super) const fn counters(entries: u32) -> Self {
        Self { per_cpu_array: true, key: INDEX, value: Counter::SIZE, entries }
    }

    /// Returns a map's id and shape, as the kernel reports them.
    pub(super) fn of(map: &MapData) -> Result<(u32, Self), MapError> {
        let info = map.info()?;
        let shape = Self {
            per_cpu_array: matches!(info.map_type(), Ok(MapType::PerCpuArray)),
            key: info.key_size(),
            value: info.value_size(),
            entries: info.max_entries(),
        };
        Ok((info.id(), shape))
    }
}
