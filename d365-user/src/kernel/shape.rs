//! The shape of a map. The daemon compares it before it trusts a map of an earlier daemon.

use std::fmt;

use aya::maps::{MapData, MapError, MapType};

/// Bytes of an array map's key, a `u32`.
const INDEX: u32 = 4;

/// The shape of a map: its type and its sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// The type, as the kernel numbers it (`enum bpf_map_type`, linux/bpf.h).
    kind: u32,
    key: u32,
    value: u32,
    entries: u32,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, key, value, entries } = self;
        write!(f, "type {kind}, {entries} entries (key {key} bytes, value {value} bytes)")
    }
}

impl Shape {
    /// An array, per CPU or not, of `entries` values of `value` bytes.
    pub(super) const fn array(kind: MapType, value: u32, entries: u32) -> Self {
        Self { kind: kind as u32, key: INDEX, value, entries }
    }

    /// A map's shape, as the kernel reports it.
    pub(super) fn of(map: &MapData) -> Result<Self, MapError> {
        let info = map.info()?;
        Ok(Self {
            kind: info.map_type().map_or(0, |kind| kind as u32),
            key: info.key_size(),
            value: info.value_size(),
            entries: info.max_entries(),
        })
    }

    /// Creates a map of this shape.
    pub(super) fn create(self, name: &str) -> Result<MapData, MapError> {
        let Self { kind, key, value, entries } = self;
        MapData::create(aya_obj::Map::new_from_params(kind, key, value, entries, 0), name, None)
    }
}
