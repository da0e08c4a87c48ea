//! Tests offers that are held whole: shrink, flood, step back.

use super::*;

#[test]
fn a_tenth_less_is_no_shrink_and_one_more_is() {
    for (before, allowed) in [(10, 9), (20, 18), (39, 36), (17, 16), (9, 9), (1, 1)] {
        let mut gate = settled(numbered(before));
        let decisions = offer(&mut gate, numbered(allowed), 3, at(0));
        assert_eq!(decisions.last().unwrap(), "confirmed", "{before} to {allowed}");
        assert_eq!(count(&gate, Change::Removal), before - allowed);
        let mut gate = settled(numbered(before));
        if allowed > 1 {
            let decisions = offer(&mut gate, numbered(allowed - 1), 3, at(0));
            assert_eq!(decisions.last().unwrap(), "refused shrink", "{before} to {}", allowed - 1);
            assert_eq!(count(&gate, Change::Shrink), before - allowed + 1);
        }
    }
}

#[test]
fn sixty_four_new_ranges_are_an_update_and_one_more_is_a_flood() {
    let mut gate = settled(numbered(10));
    assert_eq!(offer(&mut gate, numbered(74), 4, at(1)).last().unwrap(), "confirmed");
    assert_eq!(offer(&mut gate, numbered(74), 4, at(2)).len(), 65);
    assert_eq!(gate.accepted().len(), 74);
    let mut gate = settled(numbered(10));
    assert_eq!(offer(&mut gate, numbered(75), 4, at(1)).last().unwrap(), "refused flood");
    assert_eq!(count(&gate, Change::Flood), 65);
    for hour in (6..=72).step_by(6) {
        assert_eq!(offer(&mut gate, numbered(75), 4, at(hour)), ["refused flood"]);
    }
    assert_eq!(gate.accepted().len(), 10);
    offer(&mut gate, numbered(75), 4, at(73));
    assert_eq!(gate.accepted().len(), 75);
}

#[test]
fn a_lower_change_number_holds_everything() {
    let mut gate = settled(numbered(10));
    let mut more = numbered(11);
    assert_eq!(
        offer(&mut gate, more.clone(), 2, at(1)),
        ["waits +20.0.10.0/24 step_back", "refused step_back"]
    );
    assert_eq!(offer(&mut gate, more.clone(), 2, at(3)), ["refused step_back"]);
    assert_eq!((gate.accepted().len(), gate.confirmed()), (10, Some(at(0))));
    assert_eq!(gate.step_back(), Some(StepBack { from: 3, to: Some(2) }));
    for hour in (6..=72).step_by(6) {
        offer(&mut gate, more.clone(), 2, at(hour));
    }
    assert_eq!(
        offer(&mut gate, more.clone(), 2, at(73)),
        ["number 3 Some(2) Hold", "+ 20.0.10.0/24 Confirmation", "confirmed"]
    );
    assert_eq!(gate.change_number(), Some(2));
    more.pop();
    assert_eq!(gate.step_back(), None);
}
