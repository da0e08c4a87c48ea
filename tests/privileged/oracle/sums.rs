//! The counters as they should be by the classes of all frames, and as they are in the kernel.

use crate::judged::Class;
use aya::{
    maps::{Map, MapData, MapInfo, PerCpuArray},
    programs::loaded_programs,
};
use d365_common::{
    classification,
    counter::{CLASS_ROW, Counter, class_index},
    names,
};

/// All counters of one row: of ranges by slot, then of classes and actions by index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sums {
    ranges: usize,
    counters: Vec<Counter>,
}

impl Sums {
    /// Sums with every counter at zero.
    pub(super) fn zero(ranges: usize) -> Self {
        Self { ranges, counters: vec![Counter::default(); ranges + CLASS_ROW as usize] }
    }

    /// Reads the sums from the maps of a loaded program, by its id.
    pub(super) fn read(program: u32, ranges: usize) -> Self {
        let found = loaded_programs().map(Result::unwrap).find(|found| found.id() == program).unwrap();
        let maps = found.map_ids().unwrap().unwrap();
        let values = |name, count| {
            let is_it = |id: &&u32| MapInfo::from_id(**id).unwrap().name_as_str() == Some(name);
            values(*maps.iter().find(is_it).unwrap(), count)
        };
        let counters =
            [values(names::RANGE_COUNTERS, ranges), values(names::CLASS_COUNTERS, CLASS_ROW as usize)];
        Self { ranges, counters: counters.concat() }
    }

    /// Bytes of all counters.
    pub(super) fn bytes(&self) -> u64 {
        self.counters.iter().map(|counter| counter.bytes).sum()
    }

    /// Slots of ranges from which no packet came.
    pub(super) fn unmet(&self) -> Vec<usize> {
        (0..self.ranges).filter(|slot| self.counters[*slot].packets == 0).collect()
    }

    /// Counts a frame of `bytes` bytes.
    pub(super) fn add(&mut self, class: &Class, bytes: u64) {
        let class_counter = |class| self.ranges + class_index(0, class) as usize;
        let (index, opens) = match *class {
            Class::Listed { slot, opens } => (slot, opens),
            Class::Unlisted { opens } => (class_counter(classification::Class::Unlisted), opens),
            Class::Other(label) => {
                let mut others = classification::Class::OTHERS.into_iter();
                (class_counter(others.find(|class| class.as_str() == label).unwrap()), false)
            }
        };
        let counter = &mut self.counters[index];
        counter.packets += 1;
        counter.bytes += bytes;
        counter.connections += u64::from(opens);
    }
}

/// The first `count` values of a map. Each is the sum over the processors.
fn values(map: u32, count: usize) -> Vec<Counter> {
    let map = Map::PerCpuArray(MapData::from_id(map).unwrap());
    let map: PerCpuArray<_, Counter> = map.try_into().unwrap();
    let sum = |index| {
        map.get(&index, 0).unwrap().iter().fold(Counter::default(), |sum, cpu| Counter {
            packets: sum.packets + cpu.packets,
            bytes: sum.bytes + cpu.bytes,
            connections: sum.connections + cpu.connections,
        })
    };
    (0..).take(count).map(sum).collect()
}
