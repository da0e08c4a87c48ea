//! Reads the counters. It never writes them: the kernel program is their only writer.

use aya::{
    Ebpf,
    maps::{Map, MapData, MapError, PerCpuArray},
};
use d365_common::{
    classification::Class,
    counter::{Counter, action_index, class_index, range_index, rows},
    names,
    packet_action::PacketAction,
};

use super::error::{LoadError, error_chain};
use crate::snapshot::Count;

/// The counters' maps.
pub struct Counters {
    ranges: Map,
    classes: Map,
    ids: CounterIds,
    rows: u32,
    capacity: u32,
}

/// The maps' ids in the kernel. No two maps have had the same id since the machine started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CounterIds {
    /// Id of `RANGE_COUNTERS`.
    pub ranges: u32,
    /// Id of `CLASS_COUNTERS`.
    pub classes: u32,
}

/// The counts in one interface's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceCounts {
    /// By range slot, in the requested order.
    pub ranges: Vec<Count>,
    /// Segments to a watched port from sources in no listed range.
    pub unlisted: Count,
    /// Packets of each other class.
    pub other: Vec<(Class, u64)>,
    /// Packets to which each action was applied.
    pub actions: Vec<(PacketAction, u64)>,
}

/// All counts are zero, with every class and every action.
impl Default for InterfaceCounts {
    fn default() -> Self {
        let other = Class::OTHERS.map(|class| (class, 0)).to_vec();
        let actions = PacketAction::ALL.map(|action| (action, 0)).to_vec();
        Self { ranges: Vec::new(), unlisted: Count::default(), other, actions }
    }
}

/// A counter cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read index {index} of map {map}: {}", error_chain(.source))]
pub struct CounterError {
    pub(super) map: &'static str,
    pub(super) index: u32,
    pub(super) source: MapError,
}

impl Counters {
    pub(super) fn take(ebpf: &mut Ebpf, interfaces: u32, capacity: u32) -> Result<Self, LoadError> {
        let mut counters = |map: &'static str| {
            let Some(Map::PerCpuArray(data)) = ebpf.take_map(map) else {
                return Err(LoadError::Missing(map));
            };
            let info = data.info().map_err(|source| LoadError::Map { map, source })?;
            Ok((data, info.id()))
        };
        let (ranges, range_id) = counters(names::RANGE_COUNTERS)?;
        let (classes, class_id) = counters(names::CLASS_COUNTERS)?;
        let ids = CounterIds { ranges: range_id, classes: class_id };
        Ok(Self::of(ranges, classes, ids, rows(interfaces), capacity))
    }

    /// Creates counters of `rows` rows from two per-CPU arrays of [`Counter`].
    pub(super) fn of(ranges: MapData, classes: MapData, ids: CounterIds, rows: u32, capacity: u32) -> Self {
        Self { ranges: Map::PerCpuArray(ranges), classes: Map::PerCpuArray(classes), ids, rows, capacity }
    }

    /// The maps' ids in the kernel.
    #[must_use]
    pub fn ids(&self) -> CounterIds {
        self.ids
    }

    /// Both maps with their names.
    pub(super) fn maps(&self) -> [(&'static str, &Map); 2] {
        [(names::RANGE_COUNTERS, &self.ranges), (names::CLASS_COUNTERS, &self.classes)]
    }

    /// Reads every row. The interfaces come first, in the order in which the object was loaded with them.
    /// With more than one interface, the last row has the packets that match none of them. `slots` are the
    /// range slots to read, in the order of the answer.
    ///
    /// # Errors
    /// [`CounterError`] for the first value that cannot be read.
    pub fn read(&self, slots: &[u32]) -> Result<Vec<InterfaceCounts>, CounterError> {
        let [ranges, classes] = self.maps();
        let (ranges, classes) = (Values::of(ranges)?, Values::of(classes)?);
        (0..self.rows)
            .map(|row| {
                let range = |slot| ranges.sum(range_index(row, self.capacity, slot));
                let class = |class| classes.sum(class_index(row, class));
                Ok(InterfaceCounts {
                    ranges: slots.iter().copied().map(range).collect::<Result<_, _>>()?,
                    unlisted: class(Class::Unlisted)?,
                    other: Class::OTHERS
                        .into_iter()
                        .map(|other| Ok((other, class(other)?.packets)))
                        .collect::<Result<_, _>>()?,
                    actions: PacketAction::ALL
                        .into_iter()
                        .map(|action| Ok((action, classes.sum(action_index(row, action))?.packets)))
                        .collect::<Result<_, _>>()?,
                })
            })
            .collect()
    }
}

struct Values<'a> {
    name: &'static str,
    map: PerCpuArray<&'a MapData, Counter>,
}

impl<'a> Values<'a> {
    fn of((name, map): (&'static str, &'a Map)) -> Result<Self, CounterError> {
        let map = map.try_into().map_err(|source| CounterError { map: name, index: 0, source })?;
        Ok(Self { name, map })
    }

    /// Adds up the counts of all CPUs.
    fn sum(&self, index: u32) -> Result<Count, CounterError> {
        let error = |source| CounterError { map: self.name, index, source };
        Ok(self.map.get(&index, 0).map_err(error)?.iter().fold(Count::default(), |sum, cpu| Count {
            packets: sum.packets.wrapping_add(cpu.packets),
            bytes: sum.bytes.wrapping_add(cpu.bytes),
            connections: sum.connections.wrapping_add(cpu.connections),
        }))
    }
}
