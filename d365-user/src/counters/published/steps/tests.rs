//! Tests of full slot tables: the published state reaches the list all the same.

use super::*;
use crate::{
    counters::published::row_names,
    geo::{Geo, GeoCode, GeoSource},
    source::Origin,
};

fn range(n: usize, geo: &str) -> Range {
    let geo = Geo { code: GeoCode::new(geo).unwrap(), source: GeoSource::Configured };
    Range { prefix: format!("11.0.{n}.0/24").parse().unwrap(), geo, region: None }
}

fn ranges(numbers: std::ops::Range<usize>, geo: &str) -> Vec<Range> {
    numbers.map(|n| range(n, geo)).collect()
}

fn set(ranges: Vec<Range>, retired: Vec<Range>) -> RangeSet {
    let origin = Origin { name: "a list".to_owned(), ..Origin::default() };
    let retired = retired.into_iter().map(|range| (0, range));
    RangeSet::union(&[(0, origin, ranges)], retired, 64).unwrap()
}

/// A published state with `capacity` slots that has published `set`.
fn published(capacity: u32, set: &RangeSet) -> PublishedState {
    let mut published = PublishedState::new(capacity, &row_names(&["mx0".to_owned()]), Vec::new());
    let pending = published.pending(set).unwrap();
    published.commit(pending, |_| Ok::<_, ()>(vec![])).unwrap();
    published
}

/// Publishes until the list is whole. Returns the number of listed and of retired ranges in each generation,
/// and its relation to the list.
fn go(published: &mut PublishedState, set: &RangeSet) -> Vec<(usize, usize, Goal)> {
    let mut way = Vec::new();
    loop {
        let (pending, goal) = published.pending_towards(set).unwrap();
        way.push((pending.generation.ranges.len(), pending.generation.retired.len(), goal));
        published.commit(pending, |slots| Ok::<_, ()>(vec![vec![Default::default(); slots.len()]])).unwrap();
        if goal == Goal::Whole {
            assert_eq!(
                (published.generation().ranges.as_slice(), published.generation().retired.as_slice()),
                (set.ranges(), set.retired())
            );
            return way;
        }
        assert!(way.len() < 100);
    }
}

#[test]
fn with_spare_slots_there_is_nothing_on_the_way() {
    let all = ranges(0..40, "NAM");
    for next in [set(ranges(0..40, "EUR"), vec![]), set(ranges(1..40, "NAM"), ranges(0..1, "NAM"))] {
        let mut published = published(crate::counters::slots_for(40), &set(all.clone(), vec![]));
        assert_eq!(go(&mut published, &next).len(), 1);
    }
}

#[test]
fn with_few_free_slots_it_goes_on_in_steps_and_no_prefix_is_missing() {
    let mut published = published(12, &set(ranges(0..10, "NAM"), vec![]));
    let way = go(&mut published, &set(ranges(0..10, "EUR"), vec![]));
    let step = (10, 0, Goal::Step);
    assert_eq!(way, [step, step, step, step, (10, 0, Goal::Whole)], "two at a time");
}

#[test]
fn what_was_removed_is_retired_first() {
    let mut published = published(12, &set(ranges(0..10, "NAM"), vec![]));
    let next = set(ranges(2..10, "EUR"), ranges(0..2, "NAM"));
    let (pending, goal) = published.pending_towards(&next).unwrap();
    assert_eq!((goal, pending.generation.retired.len(), pending.generation.ranges.len()), (Goal::Step, 2, 8));
    assert!(pending.generation.ranges.iter().all(|range| range.geo.code == GeoCode::new("NAM").unwrap()));
    go(&mut published, &next);
}

#[test]
fn without_a_free_slot_what_needs_one_is_missing_for_one_generation() {
    let full = set(ranges(0..10, "NAM"), vec![]);
    let mut full = published(10, &full);
    let moved = [ranges(0..9, "NAM"), ranges(9..10, "EUR")].concat();
    assert_eq!(go(&mut full, &set(moved, vec![])), [(9, 0, Goal::Gap), (10, 0, Goal::Whole)]);
    let next = set(ranges(0..9, "NAM"), vec![range(9, "EUR")]);
    assert_eq!(go(&mut full, &next), [(9, 0, Goal::Gap), (9, 1, Goal::Whole)]);
}

/// No range of such a list has a slot, and an empty list cannot be published.
#[test]
fn a_full_table_of_which_nothing_stays_is_full() {
    let published = published(10, &set(ranges(0..10, "NAM"), vec![]));
    let error = published.pending_towards(&set(ranges(0..10, "EUR"), vec![])).map(drop).unwrap_err();
    assert!(matches!(error, PendingError::Slots(_)), "{error}");
}
