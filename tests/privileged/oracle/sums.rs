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
pub(crate) struct Sums {
    ranges: usize,
    counters: Vec<Counter>,
}

impl Sums {
    /// Sums with every counter at zero.
    pub(crate) fn zero(ranges: usize) -> Self {
        Self { ranges, counters: vec![Counter::default(); ranges + CLASS_ROW as usize] }
    }

    /// Reads the sums of the first row from the maps of a loaded program, by its id.
    pub(crate) fn read(program: u32, ranges: usize) -> Self {
        Self::read_row(program, ranges, 0, 0)
    }

    /// Same as `read`, for a row of this number of slots.
    pub(crate) fn read_row(program: u32, ranges: usize, row: u32, slots: u32) -> Self {
        let found = loaded_programs().map(Result::unwrap).find(|found| found.id() == program).unwrap();
        let maps = found.map_ids().unwrap().unwrap();
        let values = |name, first, count| {
            let is_it = |id: &&u32| MapInfo::from_id(**id).unwrap().name_as_str() == Some(name);
            values(*maps.iter().find(is_it).unwrap(), first, count)
        };
        let by_range = values(names::RANGE_COUNTERS, row * slots, ranges);
        let by_class = values(names::CLASS_COUNTERS, row * CLASS_ROW, CLASS_ROW as usize);
        Self { ranges, counters: [by_range, by_class].concat() }
    }

    /// The same without the counters of actions.
    pub(crate) fn of_classes(mut self) -> Self {
        self.counters[self.ranges + classification::Class::COUNT as usize..].fill(Counter::default());
        self
    }

    /// The same if each packet had this number of bytes less.
    pub(crate) fn shorter(mut self, bytes: u64) -> Self {
        for counter in &mut self.counters {
            counter.bytes -= bytes * counter.packets;
        }
        self
    }

    /// The increase since `before`.
    pub(crate) fn since(mut self, before: &Self) -> Self {
        for (counter, before) in self.counters.iter_mut().zip(&before.counters) {
            counter.packets -= before.packets;
            counter.bytes -= before.bytes;
            counter.connections -= before.connections;
        }
        self
    }

    /// Bytes of all counters.
    pub(crate) fn bytes(&self) -> u64 {
        self.counters.iter().map(|counter| counter.bytes).sum()
    }

    /// Slots of ranges from which no packet came.
    pub(crate) fn unmet(&self) -> Vec<usize> {
        (0..self.ranges).filter(|slot| self.counters[*slot].packets == 0).collect()
    }

    /// Counts a frame of `bytes` bytes.
    pub(crate) fn add(&mut self, class: &Class, bytes: u64) {
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

/// `count` values of a map from index `first` on. Each is the sum over the processors.
fn values(map: u32, first: u32, count: usize) -> Vec<Counter> {
    let map = Map::PerCpuArray(MapData::from_id(map).unwrap());
    let map: PerCpuArray<_, Counter> = map.try_into().unwrap();
    let sum = |index| {
        map.get(&index, 0).unwrap().iter().fold(Counter::default(), |sum, cpu| Counter {
            packets: sum.packets + cpu.packets,
            bytes: sum.bytes + cpu.bytes,
            connections: sum.connections + cpu.connections,
        })
    };
    (first..).take(count).map(sum).collect()
}
