//! Random lists and steps of a daemon's life.

use proptest::prelude::*;

use crate::{
    geo::{Geo, GeoCode, GeoSource},
    ranges::{Range, RangeSet},
    source::Origin,
};

const POOL: [&str; 6] =
    ["11.0.0.0/24", "11.0.0.128/25", "11.0.1.0/24", "11.0.2.0/23", "2001:db8::/32", "2001:db8:1::/48"];

/// Packets: the published range by its index, and their number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packets {
    pub(super) at: usize,
    pub(super) number: u64,
}

/// `between` arrives while the kernel and the daemon have different lists.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Traffic(Vec<Packets>),
    Publish {
        set: RangeSet,
        between: Vec<Packets>,
    },
    /// The kernel refuses the list after this number of owners was recorded.
    Refused {
        set: RangeSet,
        recorded: usize,
    },
    Restart {
        set: RangeSet,
        between: Vec<Packets>,
    },
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

fn any_traffic() -> impl Strategy<Value = Vec<Packets>> {
    // Even numbers, so that connections add up as packets do.
    let packets = (0..6usize, 1..1000u64).prop_map(|(at, half)| Packets { at, number: half * 2 });
    prop::collection::vec(packets, 0..8)
}

pub(super) fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => any_traffic().prop_map(Step::Traffic),
        6 => (any_set(), any_traffic()).prop_map(|(set, between)| Step::Publish { set, between }),
        2 => (any_set(), 0..6usize).prop_map(|(set, recorded)| Step::Refused { set, recorded }),
        2 => (any_set(), any_traffic()).prop_map(|(set, between)| Step::Restart { set, between }),
    ]
}
