//! Tests a newer list that is trusted already.

use super::*;

const A: &str = "1.0.0.0/24";
const B: &str = "1.0.1.0/24";
const C: &str = "1.0.2.0/24";
const D: &str = "1.0.3.0/24";

#[test]
fn what_a_newer_build_lists_is_accepted_at_once_and_confirms_nothing() {
    let mut gate = settled(ranges(&[A, B]));
    offer(&mut gate, ranges(&[A, B, C]), 3, at(1));
    assert_eq!(count(&gate, Change::Addition), 1);
    let confirmed = gate.confirmed();
    assert_eq!(gate.adopt(ranges(&[B, C, D])), 2);
    assert_eq!(prefixes(&gate), [A, B, C, D], "nothing is removed");
    assert_eq!((count(&gate, Change::Addition), gate.confirmed()), (0, confirmed));
    assert_eq!(gate.adopt(ranges(&[B, C, D])), 0);
    let stored = Gate::restore(*gate.policy(), gate.stored());
    assert_eq!(stored, Ok(gate.clone()));
    assert_eq!(
        offer(&mut gate, ranges(&[A, B, C]), 3, at(4)),
        ["waits -1.0.3.0/24 shrink", "refused shrink"]
    );
}

#[test]
fn what_was_retired_is_back() {
    let mut gate = settled(numbered(20));
    let first = nth(0);
    let but_first = || numbered(20)[1..].to_vec();
    (0..14).for_each(|step| drop(offer(&mut gate, but_first(), 3, at(1 + 6 * step))));
    assert_eq!(gate.retired(at(80)).count(), 1);
    assert_eq!(gate.adopt(vec![first]), 1);
    assert_eq!((gate.retired(at(80)).count(), gate.accepted().len()), (0, 20));
}
