//! Tests that an approval covers exactly the changes that the operator saw.

use super::*;

#[test]
fn an_approval_publishes_everything_that_waits() {
    let mut gate = settled(numbered(20));
    let list = [(1..21).map(nth).collect(), ranges(&["2.0.0.0/8"])].concat();
    offer(&mut gate, list, 4, at(1));
    let digest = gate.pending_digest().unwrap();
    let decisions = gate.approve(&digest, None, at(2)).unwrap();
    assert_eq!(
        texts(&decisions),
        ["+ 2.0.0.0/8 Approval", "+ 20.0.20.0/24 Approval", "- 20.0.0.0/24 Approval"]
    );
    assert_eq!(gate.pending().len(), 0);
    assert_eq!(gate.approve(&digest, None, at(2)), Err(Verdict::NothingPending));
    assert_eq!(gate.confirmed(), Some(at(1)), "the operator is not the source");
}

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

#[test]
fn an_approved_step_back_lowers_the_number() {
    let mut gate = settled(numbered(20));
    offer(&mut gate, numbered(10), 1, at(1));
    let digest = gate.pending_digest().unwrap();
    let decisions = gate.approve(&digest, None, at(2)).unwrap();
    assert_eq!(texts(&decisions)[0], "number 3 Some(1) Approval");
    assert_eq!((gate.change_number(), gate.accepted().len()), (Some(1), 10));
    assert_eq!(offer(&mut gate, numbered(10), 1, at(3)), ["confirmed"]);
}

#[test]
fn some_of_what_waits_can_be_approved() {
    let mut gate = settled(numbered(20));
    offer(&mut gate, (2..22).map(nth).collect(), 2, at(1));
    let digest = gate.pending_digest().unwrap();
    let only = |prefix: &str| [prefix.parse().unwrap()];
    let before = gate.clone();
    let unknown = only("9.0.0.0/8");
    assert_eq!(
        gate.approve(&digest, Some(&unknown), at(2)),
        Err(Verdict::NotPending)
    );
    assert_eq!(gate.approve("", Some(&only("20.0.0.0/24")), at(2)), Err(Verdict::Stale));
    assert_eq!(gate, before);
    let done = gate.approve(&digest, Some(&only("20.0.0.0/24")), at(2)).unwrap();
    assert_eq!(texts(&done), ["- 20.0.0.0/24 Approval"]);
    assert_eq!((gate.pending().len(), gate.step_back().is_some()), (3, true), "the number goes on waiting");
    assert_ne!(gate.pending_digest(), Some(digest));
}

/// The replacement waits as well: the removal alone would leave an empty list.
#[test]
fn no_approval_leaves_an_empty_list() {
    let mut gate = settled(numbered(1));
    offer(&mut gate, vec![nth(5)], 3, at(1));
    let digest = gate.pending_digest().unwrap();
    assert_eq!(gate.approve(&digest, Some(&[nth(0).prefix]), at(1)), Ok(vec![]));
    assert_eq!((prefixes(&gate).len(), gate.pending().len()), (1, 2));
}

#[test]
fn what_is_rejected_waits_for_its_own_approval_until_the_offer_changes() {
    let mut gate = settled(numbered(20));
    let list = || [numbered(19), ranges(&["1.0.0.0/24"])].concat();
    offer(&mut gate, list(), 3, at(0));
    let digest = gate.pending_digest().unwrap();
    let rejected = gate.reject(&digest, Some(&["1.0.0.0/24".parse().unwrap()])).unwrap();
    assert_eq!(texts(&rejected), ["rejected +1.0.0.0/24"]);
    assert_eq!((count(&gate, Change::Addition), count(&gate, Change::Removal)), (0, 1));
    let digest = gate.pending_digest().unwrap();
    assert_eq!(texts(&gate.reject(&digest, None).unwrap()), ["rejected -20.0.19.0/24"]);
    assert!(!gate.waits());
    for hour in (6..=144).step_by(6) {
        assert_eq!(offer(&mut gate, list(), 3, at(hour)), ["confirmed"], "as long as it is the same");
        gate = Gate::restore(*gate.policy(), gate.stored()).unwrap();
    }
    let digest = gate.pending_digest().unwrap();
    assert_eq!(gate.reject(&digest, None), Err(Verdict::NothingPending));
    assert_eq!(gate.approve(&digest, None, at(145)), Ok(vec![]), "all that waits: nothing of that");
    let mut approved = gate.clone();
    let done = approved.approve(&digest, Some(&["1.0.0.0/24".parse().unwrap()]), at(145)).unwrap();
    assert_eq!(texts(&done), ["+ 1.0.0.0/24 Approval"]);
    // A change that is withdrawn and offered again is another offer.
    assert_eq!(offer(&mut gate, numbered(20), 3, at(150)).len(), 3);
    assert_eq!(
        offer(&mut gate, list(), 3, at(156)),
        ["waits +1.0.0.0/24 addition", "waits -20.0.19.0/24 removal", "confirmed"]
    );
}
