//! Random starts and steps of a daemon's life.

use proptest::prelude::*;

use crate::{
    geo::{Geo, GeoCode, GeoSource},
    ranges::{Range, RangeSet},
    source::Origin,
};

/// There are no more ranges than the smallest kernel object has slots.
const POOL: [&str; 6] =
    ["11.0.0.0/24", "11.0.0.128/25", "11.0.1.0/24", "11.0.2.0/23", "2001:db8::/32", "2001:db8:1::/48"];
const CAPACITIES: std::ops::Range<u32> = 6..16;

/// The kind of packets: of a published range by its index, unlisted, or of another class.
#[derive(Clone, Copy, Debug)]
pub(super) enum From {
    Range(usize),
    Unlisted,
    Else,
}

/// The row, the kind and the number of packets.
pub(super) type Packets = (usize, From, u64);

/// The step of a publication at which a daemon dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Point {
    Written,
    Published,
    Entered,
    WrittenAgain,
}

/// The settings of a start.
#[derive(Clone, Debug)]
pub(super) struct Start {
    pub(super) interfaces: Vec<String>,
    pub(super) capacity: u32,
    pub(super) set: RangeSet,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Traffic(Vec<Packets>),
    /// Packets arrive between the kernel's publication and its commit. The last counts
    /// cannot always be read.
    Publish {
        set: RangeSet,
        between: Vec<Packets>,
        is_readable: bool,
    },
    DiePublishing {
        set: RangeSet,
        between: Vec<Packets>,
        point: Point,
        next: Start,
    },
    Crash(Start),
    Stop(Start),
}

/// Each prefix of the pool is listed with some geo, retired with some geo, or neither. One is always listed.
pub(super) fn any_set() -> impl Strategy<Value = RangeSet> {
    let geo = prop::sample::select(vec!["NAM", "EUR", "LAB"]);
    let states = prop::collection::vec((0..3u8, geo, any::<bool>()), POOL.len());
    (states, 0..POOL.len()).prop_map(|(states, listed)| {
        let (mut ranges, mut retired) = (Vec::new(), Vec::new());
        for (at, (state, geo, inferred)) in states.into_iter().enumerate() {
            let source = if inferred { GeoSource::Inferred } else { GeoSource::Configured };
            let geo = Geo { code: GeoCode::new(geo).unwrap(), source };
            let range = Range { prefix: POOL[at].parse().unwrap(), geo, region: None };
            match state {
                _ if at == listed => ranges.push(range),
                0 => {}
                1 => retired.push(range),
                _ => ranges.push(range),
            }
        }
        let retired = retired.into_iter().map(|range| (0, range));
        RangeSet::union(&[(0, Origin::default(), ranges)], retired, 64).unwrap()
    })
}

pub(super) fn any_start() -> impl Strategy<Value = Start> {
    let interfaces = prop::sample::subsequence(vec!["mx0", "mx1", "mx2"], 1..=3).prop_shuffle();
    (interfaces, CAPACITIES, any_set()).prop_map(|(interfaces, capacity, set)| {
        let interfaces = interfaces.into_iter().map(str::to_owned).collect();
        Start { interfaces, capacity, set }
    })
}

pub(super) fn any_traffic() -> impl Strategy<Value = Vec<Packets>> {
    let from =
        prop_oneof![6 => (0..6usize).prop_map(From::Range), 1 => Just(From::Unlisted), 1 => Just(From::Else)];
    // Even numbers, so that connections add up as packets do.
    let number = (1..1000u64).prop_map(|half| half * 2);
    prop::collection::vec((0..4usize, from, number), 0..8)
}

pub(super) fn any_step() -> impl Strategy<Value = Step> {
    let point =
        prop::sample::select(vec![Point::Written, Point::Published, Point::Entered, Point::WrittenAgain]);
    prop_oneof![
        6 => any_traffic().prop_map(Step::Traffic),
        6 => (any_set(), any_traffic(), prop::bool::weighted(0.8))
            .prop_map(|(set, between, is_readable)| Step::Publish { set, between, is_readable }),
        2 => (any_set(), any_traffic(), point, any_start())
            .prop_map(|(set, between, point, next)| Step::DiePublishing { set, between, point, next }),
        1 => any_start().prop_map(Step::Crash),
        1 => any_start().prop_map(Step::Stop),
    ]
}
