//! Approval of exactly what was seen.

use super::*;

#[test]
fn an_approval_publishes_everything_that_waits() {
    let mut gate = settled(numbered(20));
    let list = [(1..21).map(nth).collect(), ranges(&["2.0.0.0/8"])].concat();
    offer(&mut gate, list, 4, at(1));
    let digest = gate.pending_digest().unwrap();
    let decisions = gate.approve(&digest, at(2)).unwrap();
    assert_eq!(
        texts(&decisions),
        ["+ 2.0.0.0/8 Approval", "+ 20.0.20.0/24 Approval", "- 20.0.0.0/24 Approval"]
    );
    assert_eq!(gate.pending().len(), 0);
    assert_eq!(gate.approve(&digest, at(2)), Err(ApprovalError::NothingPending));
    assert_eq!(gate.confirmed(), Some(at(1)), "the operator is not the source");
}

#[test]
fn an_approval_of_something_else_changes_nothing() {
    let mut gate = settled(numbered(20));
    offer(&mut gate, numbered(19), 3, at(1));
    let seen = gate.pending_digest().unwrap();
    offer(&mut gate, numbered(18), 3, at(2));
    let before = gate.clone();
    assert_eq!(gate.approve(&seen, at(2)), Err(ApprovalError::Stale));
    assert_eq!(gate.approve("", at(2)), Err(ApprovalError::Stale));
    assert_eq!(gate, before);
}

#[test]
fn the_digest_is_of_what_would_be_done_and_not_of_when() {
    let mut gate = settled(numbered(20));
    offer(&mut gate, numbered(19), 3, at(1));
    let digest = gate.pending_digest();
    offer(&mut gate, numbered(19), 3, at(7));
    assert_eq!(gate.pending_digest(), digest);
    let mut digests = std::collections::BTreeSet::new();
    for list in [
        [numbered(19), ranges(&["1.0.0.0/24"])].concat(),
        [numbered(19), ranges(&["1.0.0.0/24 EUR"])].concat(),
        [numbered(19), ranges(&["1.0.0.0/24 NAM x"])].concat(),
        [numbered(19), ranges(&["1.0.0.0/25"])].concat(),
        [numbered(20), ranges(&["1.0.0.0/24"])].concat(),
    ] {
        let mut one = gate.clone();
        offer(&mut one, list.clone(), 3, at(8));
        assert!(digests.insert(one.pending_digest()));
        offer(&mut one, list, 2, at(8));
        assert!(digests.insert(one.pending_digest()), "with the step back it is something else");
    }
}

#[test]
fn an_approved_step_back_lowers_the_number() {
    let mut gate = settled(numbered(20));
    offer(&mut gate, numbered(10), 1, at(1));
    let digest = gate.pending_digest().unwrap();
    let decisions = gate.approve(&digest, at(2)).unwrap();
    assert_eq!(texts(&decisions)[0], "number 3 Some(1) Approval");
    assert_eq!((gate.change_number(), gate.accepted().len()), (Some(1), 10));
    assert_eq!(offer(&mut gate, numbered(10), 1, at(3)), ["confirmed"]);
}
