//! The two buffers of generations, the active one and the standby, and the states of a generation until it is
//! published. A field or variable `buffer` is the number of a buffer.

use aya::{
    Ebpf,
    maps::{Array, MapData},
};
use d365_common::names;

use super::{
    error::LoadError,
    table::Tables,
    tries::{TriePair, Tries, typed},
};
use crate::generation::TableSize;

/// The two buffers.
pub(super) struct Buffers {
    pub(super) tries: Tries,
    pub(super) tables: Tables,
    /// Size of the active buffer's direct table.
    pub(super) table_size: TableSize,
    pub(super) active: Array<MapData, u32>,
    pub(super) proven: Array<MapData, u32>,
}

impl Buffers {
    pub(super) fn take(ebpf: &mut Ebpf) -> Result<Self, LoadError> {
        Ok(Self {
            tries: Tries::take(ebpf, [names::TRIES_V4, names::TRIES_V6])?,
            tables: Tables::new(typed(ebpf, names::TABLES)?),
            table_size: TableSize::default(),
            active: typed(ebpf, names::VARIABLES)?,
            proven: typed(ebpf, names::PROVEN)?,
        })
    }
}

/// A generation in the standby buffer, not verified yet.
#[must_use]
pub struct Staged {
    pub(super) buffer: u32,
    pub(super) tries: TriePair,
    pub(super) table_size: TableSize,
}

/// A generation in the standby buffer whose verification succeeded.
#[must_use]
pub struct Verified(pub(super) Staged);
