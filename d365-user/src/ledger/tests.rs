//! Tests that counts persist, no matter who gets a slot and how often the kernel object is replaced.

use super::*;

fn count(packets: u64) -> Count {
    Count { packets, bytes: packets * 60, connections: packets / 3 }
}

fn owner(prefix: &str, retired: bool) -> CounterKey {
    CounterKey { prefix: prefix.parse().unwrap(), geo: Geo::UNKNOWN, retired }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn carried(ledger: &Ledger, row: usize, retired: bool) -> Vec<Count> {
    ledger.carried(row, retired).map(|(_, count)| count).collect()
}

#[test]
fn a_slot_given_again_starts_at_zero_and_the_geo_keeps_what_was() {
    let mut ledger = Ledger::new(&names(&["a", "b"]), Vec::new());
    let (first, second) = (owner("192.0.2.0/24", false), owner("198.51.100.0/24", false));
    assert_eq!(ledger.count(0, &first, 5, count(30)), count(30));
    ledger.close(0, &first, 5, count(30));
    assert_eq!(ledger.count(0, &second, 5, count(30)), Count::default());
    assert_eq!(ledger.count(0, &second, 5, count(36)), count(6));
    assert_eq!(ledger.count(1, &second, 5, count(30)), count(30), "another interface's");
    ledger.close(0, &second, 5, count(36));
    assert_eq!(carried(&ledger, 0, false), [count(36)]);
    assert_eq!(carried(&ledger, 1, false), []);
}

#[test]
fn what_is_retired_is_carried_apart() {
    let mut ledger = Ledger::new(&names(&["a"]), Vec::new());
    ledger.close(0, &owner("192.0.2.0/24", false), 0, count(30));
    ledger.close(0, &owner("192.0.2.0/24", true), 1, count(6));
    assert_eq!(carried(&ledger, 0, false), [count(30)]);
    assert_eq!(carried(&ledger, 0, true), [count(6)]);
}

/// The next daemon has other slots, another order of interfaces, and one interface less.
#[test]
fn a_new_kernel_object_goes_on_where_the_last_one_ended() {
    let (stays, goes) = (owner("192.0.2.0/24", false), owner("198.51.100.0/24", false));
    let mut ledger = Ledger::new(&names(&["a", "b"]), Vec::new());
    ledger.close(0, &goes, 1, count(3));
    let reading = |stays: u64, goes: u64, unlisted: u64| Reading {
        owners: vec![count(stays), count(goes)],
        unlisted: count(unlisted),
        other: vec![("not_tcp", unlisted * 2)],
    };
    let rows = ledger.settle(&[(stays, 0), (goes, 1)], &[reading(30, 12, 1), reading(60, 0, 2)]);

    let mut next = Ledger::new(&names(&["b"]), rows.clone());
    assert_eq!(next.count(0, &stays, 7, count(6)), count(66));
    assert_eq!(next.unlisted(0, count(3)), count(5));
    assert_eq!((next.other(0, "not_tcp", 5), next.other(0, "not_ip", 5)), (9, 5));
    next.forget_all_but(|owner| *owner == stays);
    assert_eq!(next.rows().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["b", "a"]);

    let mut again = Ledger::new(&names(&["a"]), next.settle(&[], &[]));
    assert_eq!(again.count(0, &stays, 0, Count::default()), count(30));
    assert_eq!(again.count(0, &goes, 1, Count::default()), count(9), "of a slot that began at 3");
    again.forget_all_but(|owner| *owner == stays);
    assert_eq!(carried(&again, 0, false), [count(12)], "3 of the first time, 9 of the second");
    assert_eq!(again.count(0, &goes, 1, count(3)), count(3));
}
