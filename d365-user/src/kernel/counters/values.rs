//! Typed access to an array map, with errors that name the map and the index.

use aya::{
    Pod,
    maps::{Array, Map, MapData, PerCpuArray, PerCpuValues},
    util::nr_cpus,
};
use d365_common::counter::Counter;

use crate::{kernel::error::MapIndexError, snapshot::Count};

/// An array of plain values.
pub(super) struct Values<'a, V: Pod> {
    map: &'static str,
    array: Array<&'a mut MapData, V>,
}

impl<'a, V: Pod> Values<'a, V> {
    pub(super) fn new(map: &'static str, data: &'a mut Map) -> Result<Self, MapIndexError> {
        let array = data.try_into().map_err(MapIndexError::at(map, 0))?;
        Ok(Self { map, array })
    }

    pub(super) fn get(&self, index: u32) -> Result<V, MapIndexError> {
        self.array.get(&index, 0).map_err(MapIndexError::at(self.map, index))
    }

    pub(super) fn set(&mut self, index: u32, value: V) -> Result<(), MapIndexError> {
        self.array.set(index, value, 0).map_err(MapIndexError::at(self.map, index))
    }
}

/// A per-CPU array of counters.
pub(super) struct PerCpu<'a> {
    map: &'static str,
    array: PerCpuArray<&'a mut MapData, Counter>,
}

impl<'a> PerCpu<'a> {
    pub(super) fn new(map: &'static str, data: &'a mut Map) -> Result<Self, MapIndexError> {
        let array = data.try_into().map_err(MapIndexError::at(map, 0))?;
        Ok(Self { map, array })
    }

    fn of_all_cpus(&self, index: u32) -> Result<PerCpuValues<Counter>, MapIndexError> {
        self.array.get(&index, 0).map_err(MapIndexError::at(self.map, index))
    }

    /// Adds up the counts of all CPUs.
    pub(super) fn sum(&self, index: u32) -> Result<Count, MapIndexError> {
        let sum = self.of_all_cpus(index)?.iter().fold(Counter::default(), |sum, cpu| plus(&sum, cpu));
        let Counter { packets, bytes, connections } = sum;
        Ok(Count { packets, bytes, connections })
    }

    /// Adds the counts of one counter to another, for each CPU.
    pub(super) fn add(&mut self, to: u32, from: u32) -> Result<(), MapIndexError> {
        let (to_values, from_values) = (self.of_all_cpus(to)?, self.of_all_cpus(from)?);
        let sums = to_values.iter().zip(from_values.iter()).map(|(to, from)| plus(to, from));
        self.set(to, sums.collect())
    }

    pub(super) fn clear(&mut self, index: u32) -> Result<(), MapIndexError> {
        let cpus = nr_cpus().map_err(|(_, error)| MapIndexError::at(self.map, index)(error.into()))?;
        self.set(index, vec![Counter::default(); cpus])
    }

    fn set(&mut self, index: u32, values: Vec<Counter>) -> Result<(), MapIndexError> {
        let error = MapIndexError::at(self.map, index);
        let values = PerCpuValues::try_from(values).map_err(|source| error(source.into()))?;
        self.array.set(index, values, 0).map_err(error)
    }
}

fn plus(one: &Counter, other: &Counter) -> Counter {
    Counter {
        packets: one.packets.wrapping_add(other.packets),
        bytes: one.bytes.wrapping_add(other.bytes),
        connections: one.connections.wrapping_add(other.connections),
    }
}
