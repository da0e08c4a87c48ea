//! Tests the number of ranges that may be added by second fetches alone.

use super::*;

/// Offers the first `count` ranges twice, one hour apart, the first time at `hour`. Returns the number of
/// accepted ranges after that.
fn twice(gate: &mut Gate, count: usize, hour: u64) -> usize {
    offer(gate, numbered(count), 3, at(hour));
    offer(gate, numbered(count), 3, at(hour + 1));
    gate.accepted().len()
}

#[test]
fn sixty_four_in_a_week_come_in_and_more_are_held() {
    let mut gate = settled(numbered(10));
    assert_eq!(twice(&mut gate, 42, 1), 42);
    assert_eq!(twice(&mut gate, 74, 7), 74);
    let more = offer(&mut gate, numbered(75), 3, at(13));
    assert_eq!(more, ["waits +20.0.74.0/24 growth", "confirmed"], "the rest of the offer is as good as ever");
    assert_eq!(offer(&mut gate, numbered(75), 3, at(14)), ["confirmed"]);
    let pending = gate.pending().next().unwrap();
    assert_eq!((pending.wait, count(&gate, Change::Growth)), (Wait::Hold, 1));
    // The additions of the first 32 are a week old.
    assert_eq!(twice(&mut gate, 75, 2 + 7 * 24), 75);
}

#[test]
fn growth_without_an_end_waits_for_its_hold() {
    let mut gate = settled(numbered(10));
    let mut most = 0;
    for round in 0..24_usize {
        most = most.max(twice(&mut gate, 10 + 64 * (round + 1).min(3), 1 + 6 * round as u64));
    }
    // In 144 hours, 64 ranges pass by second fetches. The others pass by the hold, and were offered all the
    // time before.
    assert_eq!(most, 202);
    let mut gate = settled(numbered(10));
    twice(&mut gate, 74, 1);
    twice(&mut gate, 138, 7);
    assert_eq!((gate.accepted().len(), count(&gate, Change::Growth)), (74, 64));
}

#[test]
fn a_week_goes_on_over_a_restart_and_no_clock_makes_it_longer() {
    let mut gate = settled(numbered(10));
    twice(&mut gate, 74, 1);
    let mut gate = Gate::restore(*gate.policy(), gate.stored()).unwrap().shifted(3600, false);
    assert_eq!(twice(&mut gate, 75, 7 * 24), 74, "written down as an hour later");
    let back = at(0).0 - 1_000_000;
    offer(&mut gate, numbered(75), 3, Timestamp(back));
    let week = GatePolicy::WEEK.as_secs();
    offer(&mut gate, numbered(74), 3, Timestamp(back + week));
    offer(&mut gate, numbered(75), 3, Timestamp(back + week));
    assert_eq!(count(&gate, Change::Addition), 1);
}
