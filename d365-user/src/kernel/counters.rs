//! The maps that outlive a daemon: the counters, the owner of each counter slot, and the name of each
//! interface's row.
//!
//! The daemon creates them and gives them to the object. The kernel program is the only writer of counters in
//! use. This module clears and moves only slots that no program counts in any more.

mod owner;
mod values;

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use aya::maps::{Map, MapData, MapError, MapType};
use d365_common::{
    classification::Class,
    counter::{CLASS_ROW, Counter, action_index, class_index, range_index, rows},
    names,
    packet_action::PacketAction,
};

use self::values::{PerCpu, Values};
use super::{
    error::{MapIndexError, error_chain},
    shape::Shape,
};
use crate::{generation::CounterKey, snapshot::Count};

/// Bytes of a row's name: the longest alternative name of an interface (`ALTIFNAMSIZ`, linux/if.h).
const NAME: u32 = 128;

/// The value of a row's name.
type Name = [u8; NAME as usize];

/// The maps, in the order in which [`Counters`] holds them.
pub(super) const MAPS: [&str; 4] =
    [names::RANGE_COUNTERS, names::CLASS_COUNTERS, names::RANGE_OWNERS, names::ROW_NAMES];
/// Places in [`MAPS`].
const RANGES: usize = 0;
const CLASSES: usize = 1;
const OWNERS: usize = 2;
const NAMES: usize = 3;

/// The counters' maps.
pub struct Counters {
    maps: Mutex<[Map; MAPS.len()]>,
    rows: u32,
    capacity: u32,
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

impl Counters {
    /// Creates counters for this number of interfaces, with `capacity` slots each. All are zero.
    pub(super) fn create(interfaces: u32, capacity: u32) -> Result<Self, MapError> {
        let shapes = shapes(interfaces, capacity);
        let map = |at: usize| shapes[at].create(MAPS[at]).map(|data| typed(at, data));
        let maps = [map(RANGES)?, map(CLASSES)?, map(OWNERS)?, map(NAMES)?];
        Ok(Self { maps: Mutex::new(maps), rows: rows(interfaces), capacity })
    }

    /// Takes over the maps of an earlier daemon, by their names.
    pub(super) fn adopt(
        mut earlier: BTreeMap<String, MapData>,
        interfaces: u32,
        capacity: u32,
    ) -> Result<Self, String> {
        let shapes = shapes(interfaces, capacity);
        let mut map = |at: usize| {
            let (map, expected) = (MAPS[at], shapes[at]);
            let data = earlier.remove(map).ok_or_else(|| format!("map {map} is missing"))?;
            let unknown = |error| format!("cannot ask the kernel for map {map}: {}", error_chain(&error));
            let found = Shape::of(&data).map_err(unknown)?;
            if found == expected {
                Ok(typed(at, data))
            } else {
                Err(format!("map {map} is {found}, and should be {expected}"))
            }
        };
        let maps = [map(RANGES)?, map(CLASSES)?, map(OWNERS)?, map(NAMES)?];
        Ok(Self { maps: Mutex::new(maps), rows: rows(interfaces), capacity })
    }

    fn maps(&self) -> MutexGuard<'_, [Map; MAPS.len()]> {
        // Each change is one call of the kernel.
        self.maps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counter slots for each interface.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Calls `visit` with the name and the data of each map.
    pub(super) fn each<E>(
        &self,
        mut visit: impl FnMut(&'static str, &MapData) -> Result<(), E>,
    ) -> Result<(), E> {
        for (name, map) in MAPS.into_iter().zip(self.maps().iter()) {
            if let Map::PerCpuArray(data) | Map::Array(data) = map {
                visit(name, data)?;
            }
        }
        Ok(())
    }

    /// Reads every row. The interfaces come first, in the order of the rows. With more than one interface,
    /// the last row has the packets that match none of them. `slots` are the range slots to read, in the
    /// order of the answer.
    ///
    /// # Errors
    /// [`MapIndexError`] for the first value that cannot be read.
    pub fn read(&self, slots: &[u32]) -> Result<Vec<InterfaceCounts>, MapIndexError> {
        let [ranges, classes, ..] = &mut *self.maps();
        let ranges = PerCpu::new(MAPS[RANGES], ranges)?;
        let classes = PerCpu::new(MAPS[CLASSES], classes)?;
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

    /// Empties a slot whose owner is gone, in every row. Its counts are added to those of slot `into`, if
    /// there is one. No program may count in either slot. The slot then has no owner.
    ///
    /// # Errors
    /// [`MapIndexError`]; the counts are then in the slot, in the other one, or in both.
    pub(crate) fn empty(&self, slot: u32, into: Option<u32>) -> Result<(), MapIndexError> {
        let maps = &mut *self.maps();
        let mut ranges = PerCpu::new(MAPS[RANGES], &mut maps[RANGES])?;
        for row in 0..self.rows {
            let from = range_index(row, self.capacity, slot);
            if let Some(into) = into {
                ranges.add(range_index(row, self.capacity, into), from)?;
            }
            ranges.clear(from)?;
        }
        Values::new(MAPS[OWNERS], &mut maps[OWNERS])?.set(slot, owner::NONE)
    }

    /// Records the owner of a slot, for the next daemon.
    pub(crate) fn set_owner(&self, slot: u32, owner: &CounterKey) -> Result<(), MapIndexError> {
        let maps = &mut *self.maps();
        Values::new(MAPS[OWNERS], &mut maps[OWNERS])?.set(slot, owner::record(owner))
    }

    /// The owner of each slot that has one.
    ///
    /// # Errors
    /// The text names a record that cannot be read or that this daemon would not write, or an owner of two
    /// slots.
    pub(crate) fn owners(&self) -> Result<Vec<(CounterKey, u32)>, String> {
        let text = |error: MapIndexError| error.to_string();
        let map = MAPS[OWNERS];
        let maps = &mut *self.maps();
        let records = Values::new(map, &mut maps[OWNERS]).map_err(text)?;
        let mut owners = BTreeMap::new();
        for slot in 0..self.capacity {
            let record = records.get(slot).map_err(text)?;
            if record != owner::NONE {
                let owner = owner::of(&record).filter(|owner| !owners.contains_key(owner));
                let damaged = || format!("index {slot} of map {map} is damaged");
                owners.insert(owner.ok_or_else(damaged)?, slot);
            }
        }
        Ok(owners.into_iter().collect())
    }

    /// The name of each interface's row; empty for a row without one.
    pub(crate) fn row_names(&self) -> Result<Vec<String>, MapIndexError> {
        let maps = &mut *self.maps();
        let names = Values::<Name>::new(MAPS[NAMES], &mut maps[NAMES])?;
        let text = |name: Name| {
            let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
            String::from_utf8_lossy(name).into_owned()
        };
        (0..self.rows).map(|row| names.get(row).map(text)).collect()
    }

    /// Clears the counters of a row. No program may count in it.
    ///
    /// # Errors
    /// [`MapIndexError`]; some counters of the row may then be zero.
    pub(crate) fn clear_row(&self, row: u32) -> Result<(), MapIndexError> {
        let maps = &mut *self.maps();
        let mut ranges = PerCpu::new(MAPS[RANGES], &mut maps[RANGES])?;
        (0..self.capacity).try_for_each(|slot| ranges.clear(range_index(row, self.capacity, slot)))?;
        let mut classes = PerCpu::new(MAPS[CLASSES], &mut maps[CLASSES])?;
        (0..CLASS_ROW).try_for_each(|class| classes.clear(row * CLASS_ROW + class))
    }

    /// Records the interface of a row, for the next daemon.
    pub(crate) fn set_row_name(&self, row: u32, name: &str) -> Result<(), MapIndexError> {
        let mut bytes: Name = [0; NAME as usize];
        let length = name.len().min(bytes.len() - 1);
        bytes[..length].copy_from_slice(&name.as_bytes()[..length]);
        Values::new(MAPS[NAMES], &mut self.maps()[NAMES])?.set(row, bytes)
    }
}

fn shapes(interfaces: u32, capacity: u32) -> [Shape; MAPS.len()] {
    let rows = rows(interfaces);
    [
        Shape::array(MapType::PerCpuArray, Counter::SIZE, rows.saturating_mul(capacity)),
        Shape::array(MapType::PerCpuArray, Counter::SIZE, rows * CLASS_ROW),
        Shape::array(MapType::Array, owner::SIZE, capacity),
        Shape::array(MapType::Array, NAME, rows),
    ]
}

fn typed(at: usize, data: MapData) -> Map {
    if at == RANGES || at == CLASSES { Map::PerCpuArray(data) } else { Map::Array(data) }
}
