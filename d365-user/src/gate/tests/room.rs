//! Tests changes without room next to the lists of other sources.

use std::sync::Arc;

use super::*;

/// Sets the gate's room: all lists together may have `limit` ranges, and another source has `others`.
fn beside(gate: &mut Gate, limit: usize, others: &[Range]) {
    let mut held = BTreeMap::<IpNet, usize>::new();
    for range in gate.accepted().chain(others) {
        *held.entry(range.prefix).or_default() += 1;
    }
    gate.set_room(Room::new(limit - held.len(), Arc::new(held)));
}

#[test]
fn of_a_first_list_what_does_not_fit_waits() {
    let mut gate = Gate::new(GatePolicy::default());
    beside(&mut gate, 4, &numbered(2));
    let decisions = offer(&mut gate, numbered(6), 3, at(0));
    assert_eq!(prefixes(&gate).len(), 4, "two are the other source's as well: {decisions:?}");
    assert_eq!((count(&gate, Change::Capacity), gate.confirmed()), (2, Some(at(0))));
}

#[test]
fn what_does_not_fit_comes_in_once_there_is_room() {
    let mut gate = settled(numbered(4));
    beside(&mut gate, 4, &[]);
    offer(&mut gate, numbered(6), 3, at(1));
    assert_eq!(
        offer(&mut gate, numbered(6), 3, at(2)),
        ["waits +20.0.4.0/24 capacity", "waits +20.0.5.0/24 capacity", "confirmed"]
    );
    assert_eq!(offer(&mut gate, numbered(6), 3, at(3)), ["confirmed"], "and that is told once");
    assert_eq!(gate.pending().next().unwrap().wait, Wait::Room);
    beside(&mut gate, 5, &[]);
    assert_eq!(offer(&mut gate, numbered(6), 3, at(4)), ["+ 20.0.4.0/24 Room", "confirmed"]);
}

#[test]
fn a_files_line_that_replaces_another_waits_for_its_room() {
    let mut gate = Gate::new(GatePolicy::default());
    gate.offer(local(numbered(20)), at(0));
    beside(&mut gate, 20, &[]);
    let replaced = || [numbered(19), vec![nth(30)]].concat();
    assert_eq!(
        texts(&gate.offer(local(replaced()), at(1))),
        ["waits -20.0.19.0/24 removal", "waits +20.0.30.0/24 capacity", "confirmed"]
    );
    (2..73).for_each(|hour| assert_eq!(gate.tick(at(hour)), []));
    assert_eq!(texts(&gate.tick(at(73))), ["- 20.0.19.0/24 Hold", "+ 20.0.30.0/24 Room"]);
    assert_eq!(gate.accepted().len(), 20);
}

#[test]
fn a_full_list_is_replaced_whole_and_never_empty() {
    for size in [1, 10] {
        let mut gate = settled(numbered(size));
        let new = || (size..2 * size).map(nth).collect::<Vec<_>>();
        for hour in (0..=72).step_by(6) {
            beside(&mut gate, size, &[]);
            offer(&mut gate, new(), 4, at(hour));
        }
        assert_eq!(gate.accepted().cloned().collect::<Vec<_>>(), new());
    }
}

/// The prefix leaves only this source's list, so no room becomes free.
#[test]
fn what_another_source_lists_too_frees_no_room() {
    let mut gate = settled(numbered(1));
    beside(&mut gate, 1, &numbered(1));
    for hour in (0..=144).step_by(6) {
        offer(&mut gate, vec![nth(5)], 3, at(hour));
        assert_eq!(prefixes(&gate), ["20.0.0.0/24"]);
    }
    assert_eq!((count(&gate, Change::Removal), count(&gate, Change::Capacity)), (1, 1));
}

#[test]
fn an_approval_makes_no_room() {
    let mut gate = settled(numbered(4));
    offer(&mut gate, numbered(6), 3, at(1));
    beside(&mut gate, 5, &[]);
    let digest = gate.pending_digest().unwrap();
    assert_eq!(texts(&gate.approve(&digest, None, at(1)).unwrap()), ["+ 20.0.4.0/24 Approval"]);
    assert!(gate.waits());
    assert_eq!(count(&gate, Change::Capacity), 1);
}

#[test]
fn what_is_back_within_its_grace_needs_room_too() {
    let mut gate = settled(numbered(20));
    offer(&mut gate, numbered(19), 3, at(1));
    let digest = gate.pending_digest().unwrap();
    gate.approve(&digest, None, at(1)).unwrap();
    beside(&mut gate, 19, &[]);
    assert_eq!(offer(&mut gate, numbered(20), 3, at(2)), ["waits +20.0.19.0/24 addition", "confirmed"]);
    assert_eq!(gate.retired(at(2)).count(), 1);
}

/// A first list and an approval do not have to be repeated.
#[test]
fn what_waits_for_room_goes_on_waiting_for_that_alone() {
    let mut gate = settled(ranges(&["1.0.0.0/24"]));
    offer(&mut gate, ranges(&["1.0.0.0/24", "2.0.0.0/8"]), 3, at(0));
    beside(&mut gate, 1, &[]);
    let digest = gate.pending_digest().unwrap();
    assert_eq!(gate.approve(&digest, None, at(0)), Ok(vec![]));
    assert_eq!(offer(&mut gate, ranges(&["1.0.0.0/24", "2.0.0.0/8"]), 3, at(1)), ["confirmed"]);
    assert_eq!(count(&gate, Change::Capacity), 1);
    beside(&mut gate, 2, &[]);
    let fits = offer(&mut gate, ranges(&["1.0.0.0/24", "2.0.0.0/8"]), 3, at(2));
    assert_eq!(fits, ["+ 2.0.0.0/8 Room", "confirmed"]);
    // An offer that is held lets no change pass, with or without room.
    let mut gate = settled(numbered(4));
    beside(&mut gate, 4, &[]);
    offer(&mut gate, numbered(6), 3, at(1));
    offer(&mut gate, numbered(6), 3, at(2));
    beside(&mut gate, 6, &[]);
    offer(&mut gate, numbered(6), 2, at(3));
    assert_eq!((gate.accepted().len(), count(&gate, Change::StepBack)), (4, 2));
}
