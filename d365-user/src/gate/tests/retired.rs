//! Tests ranges that leave the list and return.

use super::*;

/// A gate of 20 ranges whose last one was removed by approval at hour 1.
fn with_one_retired() -> Gate {
    let mut gate = settled(numbered(20));
    offer(&mut gate, numbered(19), 3, at(1));
    let digest = gate.pending_digest().unwrap();
    assert_eq!(texts(&gate.approve(&digest, None, at(1)).unwrap()), ["- 20.0.19.0/24 Approval"]);
    gate
}

#[test]
fn what_is_retired_is_gone_after_the_grace() {
    let mut gate = with_one_retired();
    assert_eq!(gate.retired(at(1)).collect::<Vec<_>>(), [(&nth(19), at(25))]);
    let last = Timestamp(at(25).0 - 1);
    assert_eq!(texts(&gate.tick(last)), [""; 0]);
    assert_eq!(gate.retired(last).count(), 1);
    assert_eq!(gate.retired(at(25)).count(), 0, "even before somebody ticks");
    assert_eq!(texts(&gate.tick(at(25))), ["gone 20.0.19.0/24"]);
    assert_eq!(gate.tick(at(26)), []);
}

#[test]
fn what_is_offered_again_within_the_grace_comes_back_at_once() {
    let mut gate = with_one_retired();
    assert_eq!(offer(&mut gate, numbered(20), 3, at(24)), ["+ 20.0.19.0/24 Return", "confirmed"]);
    assert_eq!((gate.accepted().len(), gate.retired(at(24)).count()), (20, 0));
    let mut gate = with_one_retired();
    assert_eq!(
        offer(&mut gate, numbered(20), 3, at(25)),
        ["gone 20.0.19.0/24", "waits +20.0.19.0/24 addition", "confirmed"],
        "after it, it is new"
    );
}

#[test]
fn it_comes_back_as_it_was() {
    let mut gate = with_one_retired();
    let moved = [numbered(19), vec![range("20.0.19.0/24 EUR")]].concat();
    assert_eq!(
        offer(&mut gate, moved, 3, at(2)),
        ["+ 20.0.19.0/24 Return", "waits ~20.0.19.0/24 EUR geo", "confirmed"]
    );
    assert_eq!(gate.accepted().last(), Some(&nth(19)));
}

#[test]
fn it_does_not_come_back_by_an_offer_that_is_held() {
    let mut gate = with_one_retired();
    let held = offer(&mut gate, numbered(20), 2, at(2));
    assert_eq!(held, ["waits +20.0.19.0/24 step_back", "refused step_back"]);
    assert_eq!(gate.retired(at(2)).count(), 1, "still recognised as retired");
    assert_eq!(offer(&mut gate, numbered(20), 3, at(3)), ["+ 20.0.19.0/24 Return", "confirmed"]);
}

#[test]
fn what_is_retired_is_not_new_to_a_flood() {
    let mut gate = with_one_retired();
    assert_eq!(offer(&mut gate, numbered(84), 3, at(2)).last().unwrap(), "confirmed");
    let mut gate = with_one_retired();
    assert_eq!(offer(&mut gate, numbered(85), 3, at(2)).last().unwrap(), "refused flood");
}

#[test]
fn a_broad_prefix_that_was_retired_needs_approval_again() {
    let mut gate = settled([numbered(20), ranges(&["2.0.0.0/8"])].concat());
    let digest = gate.pending_digest().unwrap();
    gate.approve(&digest, None, at(0)).unwrap();
    assert_eq!(gate.accepted().len(), 21);
    offer(&mut gate, numbered(20), 3, at(1));
    let digest = gate.pending_digest().unwrap();
    gate.approve(&digest, None, at(1)).unwrap();
    let again = offer(&mut gate, [numbered(20), ranges(&["2.0.0.0/8"])].concat(), 3, at(2));
    assert_eq!(again, ["waits +2.0.0.0/8 broad", "confirmed"]);
}

#[test]
fn a_clock_that_goes_back_makes_no_grace_longer() {
    let mut gate = with_one_retired();
    let past = Timestamp(1000);
    assert_eq!(gate.tick(past), []);
    assert_eq!(gate.retired(past).next().unwrap().1, past.after(GatePolicy::default().grace));
}
