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
