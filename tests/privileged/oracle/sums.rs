//! The counters as they should be by the classes of all frames, and as they are in the kernel.

use aya::maps::{Map, MapData, PerCpuArray};
use d365_common::{
    classification,
    counter::{CLASS_ROW, Counter, class_index},
};
use d365_user::kernel::CounterIds;

use crate::judged::Class;

/// All counters of one row: of ranges by slot, of classes and actions by index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sums {
    ranges: Vec<Counter>,
    classes: Vec<Counter>,
}

impl Sums {
    /// Sums with every counter at zero.
    pub(crate) fn zero(ranges: usize) -> Self {
        Self {
            ranges: vec![Counter::default(); ranges],
            classes: vec![Counter::default(); CLASS_ROW as usize],
        }
    }

    /// Reads the sums of the first row from the kernel's maps.
    pub(crate) fn read(ids: CounterIds, ranges: usize) -> Self {
        Self::read_row(ids, ranges, 0, 0)
    }

    /// Reads the sums of a row of this number of slots from the kernel's maps.
    pub(crate) fn read_row(ids: CounterIds, ranges: usize, row: u32, slots: u32) -> Self {
        Self {
            ranges: values(ids.ranges, row * slots, ranges),
            classes: values(ids.classes, row * CLASS_ROW, CLASS_ROW as usize),
        }
    }

    /// The same without the counters of actions.
    pub(crate) fn of_classes(mut self) -> Self {
        self.classes[classification::Class::COUNT as usize..].fill(Counter::default());
        self
    }

    /// The same if each packet had this number of bytes less.
    pub(crate) fn shorter(mut self, bytes: u64) -> Self {
        for counter in self.ranges.iter_mut().chain(&mut self.classes) {
            counter.bytes -= bytes * counter.packets;
        }
        self
    }

    /// The increase since `before`.
    pub(crate) fn since(mut self, before: &Self) -> Self {
        let before = before.ranges.iter().chain(&before.classes);
        for (counter, before) in self.ranges.iter_mut().chain(&mut self.classes).zip(before) {
            counter.packets -= before.packets;
            counter.bytes -= before.bytes;
            counter.connections -= before.connections;
        }
        self
    }

    /// Bytes of all counters.
    pub(crate) fn bytes(&self) -> u64 {
        self.ranges.iter().chain(&self.classes).map(|counter| counter.bytes).sum()
    }

    /// Slots of ranges from which no packet came.
    pub(crate) fn unmet(&self) -> Vec<usize> {
        let unmet = |slot: &usize| self.ranges[*slot].packets == 0;
        (0..self.ranges.len()).filter(unmet).collect()
    }

    /// Counts a frame of `bytes` bytes.
    pub(crate) fn add(&mut self, class: &Class, bytes: u64) {
        let index = |class| class_index(0, class) as usize;
        let (counter, opens) = match class {
            Class::Listed { slot, opens } => (&mut self.ranges[*slot], *opens),
            Class::Unlisted { opens } => (&mut self.classes[index(classification::Class::Unlisted)], *opens),
            Class::Other(label) => {
                let class =
                    classification::Class::OTHERS.into_iter().find(|class| class.as_str() == *label).unwrap();
                (&mut self.classes[index(class)], false)
            }
        };
        counter.packets += 1;
        counter.bytes += bytes;
        counter.connections += u64::from(opens);
    }
}

/// `count` values of a map. Each is the sum over the processors.
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
