//! Tests that an approval covers exactly the changes that the operator saw.

use super::{super::approval::Verdict, *};

#[test]
fn an_approval_of_something_else_changes_nothing() {
    let mut gate = settled(numbered(20));
    offer(&mut gate, numbered(19), 3, at(1));
    let seen = gate.pending_digest().unwrap();
    offer(&mut gate, numbered(18), 3, at(2));
    let before = gate.clone();
    assert_eq!(gate.approve(&seen, None, at(2)), Err(Verdict::Stale));
    assert_eq!(gate.approve("", None, at(2)), Err(Verdict::Stale));
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
