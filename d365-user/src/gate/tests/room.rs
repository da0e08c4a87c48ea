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
    assert_eq!(offer(&mut gate, numbered(6), 3, at(3)), ["confirmed"], "the wait is reported once");
    assert_eq!(gate.pending().next().unwrap().wait, Wait::Room);
    beside(&mut gate, 5, &[]);
    assert_eq!(offer(&mut gate, numbered(6), 3, at(4)), ["+ 20.0.4.0/24 Room", "confirmed"]);
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
