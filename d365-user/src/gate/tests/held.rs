//! Tests changes that are held one by one: removals, geos of documented ranges, broad prefixes.

use super::*;

/// Offers the same list every six hours, over these hours. The only result may be confirmations.
fn keep_offering(gate: &mut Gate, list: &[Range], number: u64, hours: std::ops::RangeInclusive<u64>) {
    for hour in hours.step_by(6) {
        assert_eq!(offer(gate, list.to_vec(), number, at(hour)), ["confirmed"], "hour {hour}");
    }
}

#[test]
fn a_removal_passes_when_it_was_offered_for_three_days() {
    let mut gate = settled(numbered(20));
    let list = numbered(19);
    assert_eq!(offer(&mut gate, list.clone(), 3, at(0)), ["waits -20.0.19.0/24 removal", "confirmed"]);
    keep_offering(&mut gate, &list, 3, 6..=66);
    let left = gate.pending().next().unwrap();
    assert_eq!(
        (left.change, left.wait, left.left.unwrap().as_secs()),
        (Change::Removal, Wait::Hold, 6 * HOUR)
    );
    assert_eq!(offer(&mut gate, list.clone(), 3, Timestamp(at(72).0 - 1)), ["confirmed"]);
    assert_eq!(gate.accepted().len(), 20);
    assert_eq!(offer(&mut gate, list, 3, at(72)), ["- 20.0.19.0/24 Hold", "confirmed"]);
    assert_eq!(gate.accepted().len(), 19);
}

#[test]
fn a_removal_that_reappears_begins_anew() {
    let mut gate = settled(numbered(20));
    offer(&mut gate, numbered(19), 3, at(0));
    keep_offering(&mut gate, &numbered(19), 3, 6..=66);
    assert_eq!(offer(&mut gate, numbered(20), 3, at(67)), ["withdrawn -20.0.19.0/24", "confirmed"]);
    assert_eq!(offer(&mut gate, numbered(19), 3, at(68)), ["waits -20.0.19.0/24 removal", "confirmed"]);
    keep_offering(&mut gate, &numbered(19), 3, 72..=132);
    assert_eq!(gate.accepted().len(), 20);
}

/// The source's list is unknown while it was not read, or while readings failed.
#[test]
fn only_what_was_offered_without_a_break_counts() {
    let left = |gate: &Gate| gate.pending().next().unwrap().left.unwrap().as_secs();
    let mut gate = settled(numbered(20));
    offer(&mut gate, numbered(19), 3, at(0));
    offer(&mut gate, numbered(19), 3, at(6));
    assert_eq!(left(&gate), 66 * HOUR);
    let longest = GatePolicy::default().longest_gap.as_secs();
    type Break<'a> = (&'a str, &'a dyn Fn(&mut Gate), u64);
    let breaks: [Break<'_>; 5] = [
        ("the interval and its tenth", &|_| {}, longest),
        ("more than that, or a clock that jumps", &|_| {}, longest + 1),
        ("a reading that failed", &Gate::interrupt, HOUR),
        ("an empty list", &|gate| drop(offer(gate, vec![], 3, at(6))), HOUR),
        (
            "a daemon that was off",
            &|gate| *gate = Gate::restore(*gate.policy(), gate.stored()).unwrap(),
            HOUR,
        ),
    ];
    for (what, happens, later) in breaks {
        let mut gate = gate.clone();
        happens(&mut gate);
        let now = Timestamp(at(6).0 + later);
        assert_eq!(offer(&mut gate, numbered(19), 3, now), ["confirmed"], "{what}");
        let counted = if what.starts_with("the interval") { later } else { 0 };
        assert_eq!(left(&gate), 66 * HOUR - counted, "{what}");
        offer(&mut gate, numbered(19), 3, Timestamp(now.0 + HOUR));
        assert_eq!(left(&gate), 65 * HOUR - counted, "{what}: it goes on from there");
    }
}

/// A mirror that answers once a day: nothing of these four days counts.
#[test]
fn four_offers_a_day_apart_end_no_hold() {
    let mut gate = settled(numbered(20));
    for day in 0..5 {
        gate.interrupt();
        offer(&mut gate, numbered(19), 3, at(24 * day));
    }
    assert_eq!(gate.accepted().len(), 20);
    assert_eq!(gate.pending().next().unwrap().left, Some(GatePolicy::default().hold));
}

/// A file that cannot be read does not count as offered.
#[test]
fn a_local_list_that_is_gone_does_not_stand() {
    let mut gate = Gate::new(GatePolicy::default());
    gate.offer(local(numbered(20)), at(0));
    gate.offer(local(numbered(19)), at(0));
    gate.interrupt();
    (1..100).for_each(|hour| assert_eq!(gate.tick(at(hour)), []));
    gate.offer(local(numbered(19)), at(100));
    (101..172).for_each(|hour| assert_eq!(gate.tick(at(hour)), []));
    assert_eq!(texts(&gate.tick(at(172))), ["- 20.0.19.0/24 Hold"]);
}

#[test]
fn a_local_list_stands_until_it_is_replaced() {
    let mut gate = Gate::new(GatePolicy::default());
    gate.offer(local(numbered(20)), at(0));
    let decisions = gate.offer(local(numbered(19)), at(1));
    assert_eq!(texts(&decisions), ["waits -20.0.19.0/24 removal", "confirmed"]);
    for hour in 2..73 {
        assert_eq!(texts(&gate.tick(at(hour))), [""; 0]);
    }
    assert_eq!(texts(&gate.tick(at(73))), ["- 20.0.19.0/24 Hold"]);
    assert_eq!(gate.confirmed(), Some(at(1)), "standing is no confirmation");
}

#[test]
fn a_download_does_not_stand() {
    let mut gate = settled(numbered(20));
    offer(&mut gate, numbered(19), 3, at(0));
    for hour in 1..500 {
        assert_eq!(texts(&gate.tick(at(hour))), [""; 0]);
    }
}

#[test]
fn additions_pass_while_removals_of_the_same_offer_are_held() {
    let mut gate = settled(numbered(20));
    let rotated = || (1..21).map(nth).collect::<Vec<_>>();
    assert_eq!(
        offer(&mut gate, rotated(), 4, at(1)),
        ["waits -20.0.0.0/24 removal", "waits +20.0.20.0/24 addition", "confirmed"]
    );
    assert_eq!(offer(&mut gate, rotated(), 4, at(2)), ["+ 20.0.20.0/24 Confirmation", "confirmed"]);
    assert_eq!(gate.accepted().len(), 21);
    assert_eq!(count(&gate, Change::Removal), 1);
}

#[test]
fn a_whole_new_list_takes_over_and_never_leaves_nothing() {
    let mut gate = settled(numbered(10));
    let new = || (10..20).map(nth).collect::<Vec<_>>();
    let first = offer(&mut gate, new(), 4, at(0));
    assert_eq!(first.len(), 20, "it shows nothing of the list, so it does not confirm it: {first:?}");
    offer(&mut gate, new(), 4, at(6));
    assert_eq!(gate.accepted().len(), 20);
    for hour in (12..=72).step_by(6) {
        offer(&mut gate, new(), 4, at(hour));
    }
    assert_eq!(gate.accepted().cloned().collect::<Vec<_>>(), new());
}

#[test]
fn what_cannot_come_in_place_pushes_nothing_out() {
    let mut gate = settled(ranges(&["1.0.0.0/24"]));
    for hour in (0..=300).step_by(6) {
        offer(&mut gate, ranges(&["2.0.0.0/8"]), 3, at(hour));
        assert_eq!(prefixes(&gate), ["1.0.0.0/24"], "hour {hour}");
    }
    let digest = gate.pending_digest().unwrap();
    let decisions = gate.approve(&digest, None, at(301)).unwrap();
    assert_eq!(texts(&decisions), ["+ 2.0.0.0/8 Approval", "- 1.0.0.0/24 Approval"]);
}

#[test]
fn another_geo_of_a_documented_range_is_held() {
    let mut gate = settled(ranges(&["1.0.0.0/24 NAM! WestUS", "1.0.1.0/24"]));
    for list in [["1.0.0.0/24 EUR WestUS", "1.0.1.0/24"], ["1.0.0.0/24 NAM! WestEurope", "1.0.1.0/24"]] {
        let mut gate = gate.clone();
        let first = offer(&mut gate, ranges(&list), 3, at(0));
        assert!(first[0].starts_with("waits ~1.0.0.0/24") && first[0].ends_with("geo"), "{first:?}");
        keep_offering(&mut gate, &ranges(&list), 3, 6..=66);
        assert_eq!(gate.accepted().next(), Some(&range("1.0.0.0/24 NAM! WestUS")));
        let last = offer(&mut gate, ranges(&list), 3, at(72));
        assert!(last[0].starts_with("~ 1.0.0.0/24") && last[0].ends_with("Hold"), "{last:?}");
        assert_eq!(gate.accepted().next().unwrap().geo.code, range(list[0]).geo.code);
    }
    let local_change = gate.offer(local(ranges(&["1.0.0.0/24 EUR", "1.0.1.0/24"])), at(1));
    assert_eq!(texts(&local_change), ["waits ~1.0.0.0/24 EUR geo", "confirmed"], "a local list too");
}

#[test]
fn broad_begins_below_16_and_32() {
    let mut gate = settled(ranges(&["1.0.0.0/24"]));
    let list = || {
        ranges(&[
            "1.0.0.0/24",
            "2.0.0.0/16",
            "4.0.0.0/15",
            "2603:1000::/32",
            "2603:1002::/31",
            "::/0",
            "0.0.0.0/0",
        ])
    };
    assert_eq!(
        offer(&mut gate, list(), 3, at(0)),
        [
            "waits +0.0.0.0/0 broad",
            "waits +2.0.0.0/16 addition",
            "waits +4.0.0.0/15 broad",
            "waits +::/0 broad",
            "waits +2603:1000::/32 addition",
            "waits +2603:1002::/31 broad",
            "confirmed"
        ]
    );
    for hour in (6..=240).step_by(6) {
        offer(&mut gate, list(), 3, at(hour));
    }
    assert_eq!(prefixes(&gate), ["1.0.0.0/24", "2.0.0.0/16", "2603:1000::/32"]);
    assert_eq!(count(&gate, Change::Broad), 4);
    assert_eq!(gate.pending().next().unwrap().left, None);
}
