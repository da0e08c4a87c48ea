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
fn a_shrink_holds_the_additions_too_and_does_not_confirm() {
    let mut gate = settled(numbered(20));
    let list = || [numbered(16), vec![nth(30)]].concat();
    assert_eq!(offer(&mut gate, list(), 4, at(1)).last().unwrap(), "refused shrink");
    assert_eq!(gate.confirmed(), Some(at(0)));
    assert_eq!(offer(&mut gate, list(), 4, at(2)), ["refused shrink"]);
    assert_eq!(gate.accepted().len(), 20, "the addition was shown twice, and is held");
    for hour in (6..=72).step_by(6) {
        assert_eq!(offer(&mut gate, list(), 4, at(hour)), ["refused shrink"]);
    }
    let passed = offer(&mut gate, list(), 4, at(73));
    assert_eq!(passed.len(), 6, "{passed:?}");
    assert_eq!(passed[0], "+ 20.0.30.0/24 Hold");
    assert_eq!(offer(&mut gate, list(), 4, at(74)), ["confirmed"]);
}

#[test]
fn as_many_new_as_old_is_a_rotation_and_no_shrink() {
    let mut gate = settled(numbered(20));
    let rotated = (5..25).map(nth).collect::<Vec<_>>();
    assert_eq!(offer(&mut gate, rotated, 4, at(1)).last().unwrap(), "confirmed");
    let mut gate = settled(numbered(20));
    let padded = [numbered(10), (1..11).map(|n| range(&format!("{n}.0.0.0/8"))).collect()].concat();
    assert_eq!(offer(&mut gate, padded, 4, at(1)).last().unwrap(), "refused shrink", "/8 replaces nothing");
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
fn a_local_flood_is_held_and_passes_by_standing() {
    let mut gate = Gate::new(GatePolicy::default());
    gate.offer(local(numbered(10)), at(0));
    assert_eq!(texts(&gate.offer(local(numbered(75)), at(0))).last().unwrap(), "refused flood");
    for hour in 1..72 {
        assert_eq!(texts(&gate.tick(at(hour))), [""; 0]);
    }
    assert_eq!(gate.tick(at(72)).len(), 65);
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

#[test]
fn a_step_back_of_the_same_list_is_visible() {
    let mut gate = settled(numbered(10));
    assert_eq!(offer(&mut gate, numbered(10), 2, at(1)), ["refused step_back"]);
    assert_eq!(count(&gate, Change::StepBack), 1);
    assert!(gate.pending_digest().is_some());
    assert_eq!(offer(&mut gate, numbered(10), 3, at(2)), ["confirmed"]);
    assert_eq!(count(&gate, Change::StepBack), 0);
    assert_eq!(gate.pending_digest(), None);
}

#[test]
fn a_download_that_lost_its_number_is_a_step_back_and_a_local_list_is_not() {
    let mut gate = settled(numbered(10));
    let mut bare = download(numbered(10), 0);
    bare.change_number = None;
    assert_eq!(texts(&gate.offer(bare, at(1))), ["refused step_back"]);
    assert_eq!(texts(&gate.offer(local(numbered(10)), at(1))), ["confirmed"]);
    assert_eq!(gate.change_number(), Some(3));
}

#[test]
fn one_fetch_with_a_huge_number_does_not_turn_good_ones_into_steps_back() {
    let mut gate = settled(numbered(10));
    assert_eq!(offer(&mut gate, numbered(10), u64::MAX, at(1)), ["confirmed"]);
    assert_eq!(offer(&mut gate, numbered(10), 4, at(7)), ["confirmed"]);
    assert_eq!(gate.change_number(), Some(3));
    assert_eq!(offer(&mut gate, numbered(10), 5, at(8)), ["confirmed"]);
    assert_eq!(gate.change_number(), Some(4), "shown twice: at least 4");
    offer(&mut gate, numbered(10), 5, at(9));
    assert_eq!(gate.change_number(), Some(5));
}

#[test]
fn a_step_back_withdraws_what_it_does_not_show() {
    let mut gate = settled(numbered(20));
    offer(&mut gate, numbered(21), 3, at(1));
    assert_eq!(offer(&mut gate, numbered(20), 2, at(2)), ["withdrawn +20.0.20.0/24", "refused step_back"]);
}

#[test]
fn what_was_staged_before_a_flood_passes_after_it() {
    let mut gate = settled(numbered(10));
    offer(&mut gate, numbered(11), 4, at(1));
    let flood = offer(&mut gate, numbered(80), 4, at(2));
    assert_eq!(flood[0], "waits +20.0.10.0/24 flood");
    assert_eq!(gate.accepted().len(), 10);
    let after = offer(&mut gate, numbered(11), 4, at(3));
    assert!(after.contains(&"+ 20.0.10.0/24 Confirmation".to_owned()), "{after:?}");
}
