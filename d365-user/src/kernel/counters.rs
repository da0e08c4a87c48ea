//! Reads the counters. It never writes them: the kernel program is their only writer.

use aya::{
    Ebpf,
    maps::{MapData, MapError, PerCpuArray},
};
use d365_common::{
    counter::{Counter, class_index, range_index, rows},
    names,
    verdict::Class,
};

use super::{chain, load::LoadError};
use crate::snapshot::Count;

/// The counters' maps.
pub struct Counters {
    ranges: PerCpuArray<MapData, Counter>,
    classes: PerCpuArray<MapData, Counter>,
    rows: u32,
    capacity: u32,
}

/// What was counted in one interface's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceCounts {
    /// By range slot, in the order asked for.
    pub ranges: Vec<Count>,
    /// To a watched port, from no listed range.
    pub unlisted: Count,
    /// Packets of each other class.
    pub other: Vec<(Class, u64)>,
}

/// Nothing counted: every class at zero.
impl Default for InterfaceCounts {
    fn default() -> Self {
        let other = Class::OTHERS.map(|class| (class, 0)).to_vec();
        Self { ranges: Vec::new(), unlisted: Count::default(), other }
    }
}

/// Why counters cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read index {index} of map {map}: {}", chain(.source))]
pub struct CounterError {
    /// The map.
    map: &'static str,
    /// The index.
    index: u32,
    /// What the kernel said.
    source: MapError,
}

impl Counters {
    pub(super) fn take(ebpf: &mut Ebpf, interfaces: u32, capacity: u32) -> Result<Self, LoadError> {
        let mut counters = |name: &'static str| {
            ebpf.take_map(name)
                .and_then(|map| PerCpuArray::try_from(map).ok())
                .ok_or(LoadError::Missing(name))
        };
        let ranges = counters(names::RANGE_COUNTERS)?;
        let classes = counters(names::CLASS_COUNTERS)?;
        Ok(Self { ranges, classes, rows: rows(interfaces), capacity })
    }

    /// Reads every row: the interfaces in the order in which the object was loaded with them, then,
    /// with more than one, the row of packets that name none of them. `slots` are the range slots to read,
    /// in the order of the answer.
    ///
    /// # Errors
    /// [`CounterError`] for the first value that cannot be read.
    pub fn read(&self, slots: &[u32]) -> Result<Vec<InterfaceCounts>, CounterError> {
        (0..self.rows)
            .map(|row| {
                let range =
                    |slot| sum(&self.ranges, names::RANGE_COUNTERS, range_index(row, self.capacity, slot));
                let class = |class| sum(&self.classes, names::CLASS_COUNTERS, class_index(row, class));
                Ok(InterfaceCounts {
                    ranges: slots.iter().copied().map(range).collect::<Result<_, _>>()?,
                    unlisted: class(Class::Unlisted)?,
                    other: Class::OTHERS
                        .into_iter()
                        .map(|other| Ok((other, class(other)?.packets)))
                        .collect::<Result<_, _>>()?,
                })
            })
            .collect()
    }
}

/// Adds up what all CPUs counted.
fn sum(map: &PerCpuArray<MapData, Counter>, name: &'static str, index: u32) -> Result<Count, CounterError> {
    let values = map.get(&index, 0).map_err(|source| CounterError { map: name, index, source })?;
    Ok(values.iter().fold(Count::default(), |sum, cpu| Count {
        packets: sum.packets.wrapping_add(cpu.packets),
        bytes: sum.bytes.wrapping_add(cpu.bytes),
        connections: sum.connections.wrapping_add(cpu.connections),
    }))
}
