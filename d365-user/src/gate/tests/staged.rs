//! Tests first lists, additions, and changes that pass at once.

use super::*;

const A: &str = "1.0.0.0/24";
const B: &str = "1.0.1.0/24";
const C: &str = "1.0.2.0/24";

#[test]
fn the_first_list_of_a_download_passes_but_for_what_is_too_broad() {
    let mut gate = Gate::new(GatePolicy::default());
    let list = ["1.0.0.0/16", "2.0.0.0/15", "2603:1000::/32", "2603:1002::/31"];
    assert_eq!(
        offer(&mut gate, ranges(&list), 3, at(0)),
        [
            "+ 1.0.0.0/16 First",
            "+ 2603:1000::/32 First",
            "waits +2.0.0.0/15 broad",
            "waits +2603:1002::/31 broad",
            "confirmed"
        ]
    );
    assert_eq!(gate.change_number(), Some(3));
    for hours in 1..200 {
        offer(&mut gate, ranges(&list), 3, at(hours));
    }
    assert_eq!(prefixes(&gate), ["1.0.0.0/16", "2603:1000::/32"], "not even after the hold");
}

#[test]
fn a_first_list_that_is_all_too_broad_accepts_and_confirms_nothing() {
    let mut gate = Gate::new(GatePolicy::default());
    assert_eq!(offer(&mut gate, ranges(&["2.0.0.0/8"]), 3, at(0)), ["waits +2.0.0.0/8 broad"]);
    assert_eq!(gate.confirmed(), None);
    assert_eq!(
        offer(&mut gate, ranges(&[A]), 3, at(6)),
        ["+ 1.0.0.0/24 First", "withdrawn +2.0.0.0/8", "confirmed"]
    );
}

#[test]
fn a_first_list_may_be_long_and_a_local_one_broad() {
    let mut gate = Gate::new(GatePolicy::default());
    assert_eq!(offer(&mut gate, numbered(1000), 3, at(0)).len(), 1001);
    let mut gate = Gate::new(GatePolicy::default());
    let decisions = gate.offer(local(ranges(&["2.0.0.0/8", "2603::/19"])), at(0));
    assert_eq!(texts(&decisions), ["+ 2.0.0.0/8 First", "+ 2603::/19 First", "confirmed"]);
}

#[test]
fn with_a_baseline_the_first_download_is_compared() {
    let mut gate = Gate::with_baseline(GatePolicy::default(), ranges(&[A]), Some(3));
    assert_eq!(gate.confirmed(), None);
    assert_eq!(offer(&mut gate, ranges(&[A, B]), 3, at(0)), ["waits +1.0.1.0/24 addition", "confirmed"]);
    assert_eq!(prefixes(&gate), [A]);
}

#[test]
fn an_addition_passes_with_the_first_fetch_an_hour_later() {
    let mut gate = settled(ranges(&[A]));
    let list = || ranges(&[A, B]);
    assert_eq!(offer(&mut gate, list(), 4, at(1)), ["waits +1.0.1.0/24 addition", "confirmed"]);
    assert_eq!(texts(&gate.tick(at(20))), [""; 0], "no time without a fetch");
    assert_eq!(count(&gate, Change::Addition), 1);
    let mut early = gate.clone();
    let second_less = Timestamp(at(2).0 - 1);
    assert_eq!(offer(&mut early, list(), 4, second_less), ["confirmed"]);
    let left = early.pending().next().unwrap();
    assert_eq!((left.wait, left.left.unwrap().as_secs()), (Wait::Confirmation, 1));
    assert_eq!(offer(&mut early, list(), 4, at(2)), ["+ 1.0.1.0/24 Confirmation", "confirmed"]);
    assert_eq!(offer(&mut gate, list(), 4, at(2)), ["+ 1.0.1.0/24 Confirmation", "confirmed"]);
    assert_eq!(gate.pending().len(), 0);
    assert_eq!(gate.pending_digest(), None);
}

#[test]
fn one_fetch_is_never_enough() {
    let policy =
        GatePolicy { confirm_after: Default::default(), hold: Default::default(), ..GatePolicy::default() };
    let mut gate = Gate::with_baseline(policy, ranges(&[A]), Some(3));
    assert_eq!(offer(&mut gate, ranges(&[B]), 3, at(0)).len(), 2);
    assert_eq!(prefixes(&gate), [A]);
    assert_eq!(
        offer(&mut gate, ranges(&[B]), 3, at(0)),
        ["+ 1.0.1.0/24 Confirmation", "- 1.0.0.0/24 Hold", "confirmed"]
    );
}

#[test]
fn an_addition_that_vanishes_begins_anew() {
    let mut gate = settled(ranges(&[A]));
    offer(&mut gate, ranges(&[A, B]), 4, at(1));
    assert_eq!(offer(&mut gate, ranges(&[A]), 4, at(2)), ["withdrawn +1.0.1.0/24", "confirmed"]);
    assert_eq!(offer(&mut gate, ranges(&[A, B]), 4, at(3)), ["waits +1.0.1.0/24 addition", "confirmed"]);
    let other = ranges(&[A, "1.0.1.0/24 EUR"]);
    assert_eq!(
        offer(&mut gate, other.clone(), 4, at(4)),
        ["waits +1.0.1.0/24 addition", "withdrawn +1.0.1.0/24", "confirmed"],
        "with another geo it is another addition"
    );
    assert_eq!(offer(&mut gate, other, 4, at(5)), ["+ 1.0.1.0/24 Confirmation", "confirmed"]);
}

#[test]
fn a_local_addition_passes_at_once_even_a_broad_one() {
    let mut gate = Gate::new(GatePolicy::default());
    gate.offer(local(ranges(&[A])), at(0));
    let decisions = gate.offer(local(ranges(&[A, B, "2.0.0.0/8"])), at(0));
    assert_eq!(texts(&decisions), ["+ 1.0.1.0/24 Local", "+ 2.0.0.0/8 Local", "confirmed"]);
}

#[test]
fn an_empty_offer_is_refused_and_is_no_offer() {
    let mut gate = settled(ranges(&[A]));
    offer(&mut gate, ranges(&[A, B]), 4, at(1));
    let before = gate.clone();
    assert_eq!(offer(&mut gate, vec![], 4, at(2)), ["refused empty"]);
    assert_eq!(gate, before);
    let mut new = Gate::new(GatePolicy::default());
    assert_eq!(offer(&mut new, vec![], 4, at(2)), ["refused empty"]);
}

#[test]
fn the_same_list_confirms_in_any_order_and_with_host_bits() {
    let mut gate = settled(ranges(&[A, B, C]));
    assert_eq!(offer(&mut gate, ranges(&[C, "1.0.0.7/24", B, A]), 3, at(5)), ["confirmed"]);
    assert_eq!(gate.confirmed(), Some(at(5)));
    assert_eq!(prefixes(&gate), [A, B, C]);
}

#[test]
fn a_clock_that_goes_back_shortens_no_wait() {
    let mut gate = settled(ranges(&[A]));
    let list = || ranges(&[A, B]);
    offer(&mut gate, list(), 4, at(100));
    assert_eq!(offer(&mut gate, list(), 4, at(10)), ["confirmed"]);
    assert_eq!(gate.confirmed(), Some(at(10)));
    assert_eq!(offer(&mut gate, list(), 4, Timestamp(at(11).0 - 1)), ["confirmed"]);
    assert_eq!(offer(&mut gate, list(), 4, at(11)), ["+ 1.0.1.0/24 Confirmation", "confirmed"]);
}

#[test]
fn details_pass_at_once_and_what_is_known_stays_known() {
    let mut gate = settled(ranges(&["1.0.0.0/24 NAM!", "1.0.1.0/24 NAM"]));
    let regions = ranges(&["1.0.0.0/24 NAM WestUS", "1.0.1.0/24 NAM EastUS"]);
    let details = ["~ 1.0.0.0/24 NAM Detail", "~ 1.0.1.0/24 NAM Detail", "confirmed"];
    assert_eq!(offer(&mut gate, regions, 3, at(1)), details);
    assert_eq!(gate.accepted().next().unwrap(), &range("1.0.0.0/24 NAM! WestUS"), "still documented");
    assert_eq!(offer(&mut gate, ranges(&[A, B]), 3, at(2)), ["confirmed"], "the regions stay");
    let moved = ranges(&["1.0.0.0/24 NAM!", "1.0.1.0/24 NAM WestUS2"]);
    assert_eq!(offer(&mut gate, moved, 3, at(2)), ["~ 1.0.1.0/24 NAM Detail", "confirmed"]);
}

#[test]
fn another_geo_of_an_undocumented_range_waits_for_a_second_fetch() {
    let mut gate = settled(ranges(&["1.0.0.0/24 NAM"]));
    let list = || ranges(&["1.0.0.0/24 EUR"]);
    assert_eq!(offer(&mut gate, list(), 3, at(1)), ["waits ~1.0.0.0/24 EUR geo", "confirmed"]);
    assert_eq!(offer(&mut gate, list(), 3, at(2)), ["~ 1.0.0.0/24 EUR Confirmation", "confirmed"]);
    let mut gate = Gate::new(GatePolicy::default());
    gate.offer(local(ranges(&["1.0.0.0/24 NAM"])), at(0));
    assert_eq!(texts(&gate.offer(local(list()), at(0))), ["~ 1.0.0.0/24 EUR Local", "confirmed"]);
}

/// A restart, a failure, or more time than counts for a hold may lie between the two fetches.
#[test]
fn a_second_fetch_confirms_over_any_break() {
    for later in [1, 13, 1000] {
        let mut gate = settled(ranges(&[A]));
        offer(&mut gate, ranges(&[A, B]), 4, at(1));
        gate.interrupt();
        let mut gate = Gate::restore(*gate.policy(), gate.stored()).unwrap();
        let second = offer(&mut gate, ranges(&[A, B]), 4, at(1 + later));
        assert_eq!(second, ["+ 1.0.1.0/24 Confirmation", "confirmed"], "{later} h");
        assert_eq!(gate.change_number(), Some(4));
    }
}
