//! The lease decides which sources may be tagged, and until when. Counting and passing do not depend on it.

use std::{
    thread,
    time::{Duration, Instant},
};

use d365_common::{answer::Answer, lease::GROUPS};
use d365_tests::require;
use d365_user::{
    generation::Compiled,
    kernel::{Kernel, Leases, OBJECT},
};

use crate::{
    judged::{Judged, compiled, options, ranges, syn},
    kernel::KernelExt as _,
    steps::addresses,
};

const LISTED: [&str; 2] = ["192.0.2.77", "2001:db8::77"];
const UNLISTED: [&str; 2] = ["198.51.100.77", "2001:db9::77"];
const LIST: [&str; 2] = ["192.0.2.0/24", "2001:db8::/32"];
const OTHER_LIST: [&str; 2] = ["198.51.100.0/24", "2001:db9::/32"];
/// A few ticks of up to 10 ms each: one is lost by rounding, one has already begun, and a busy machine counts
/// ticks late.
const TICKS: Duration = Duration::from_millis(100);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn judged() -> Judged {
    Judged::by(ranges(&LIST), &options())
}

fn taggable(kernel: &mut Kernel, sources: [&str; 2]) -> [bool; 2] {
    sources.map(|source| Answer::is_taggable(kernel.answer(&syn(source.parse().unwrap(), 25)).unwrap()))
}

/// Asserts that frames of both families are counted as listed, and that they pass.
fn counts(judged: &mut Judged) {
    addresses(&LISTED).into_iter().for_each(|source| judged.looks_up("listed", source));
}

#[test]
fn listed_sources_are_taggable_as_long_as_the_lease() {
    require!(Root);
    let (mut kernel, _) = Kernel::load(OBJECT, &options()).unwrap();
    assert_eq!(taggable(&mut kernel, LISTED), [false; 2], "no list, no lease");
    kernel.set_lease(Some(DAY)).unwrap();
    assert_eq!(taggable(&mut kernel, LISTED), [false; 2], "a lease of no list");
    let mut judged = judged();
    assert_eq!(taggable(&mut judged.kernel, LISTED), [false; 2], "a list without a lease");
    judged.kernel.set_lease(Some(DAY)).unwrap();
    assert_eq!(taggable(&mut judged.kernel, LISTED), [true; 2]);
    assert_eq!(taggable(&mut judged.kernel, UNLISTED), [false; 2]);
    // A lease without an end holds, and can be ended.
    for endless in [None, Some(Duration::MAX)] {
        judged.kernel.set_lease(endless).unwrap();
        assert_eq!(taggable(&mut judged.kernel, LISTED), [true; 2], "{endless:?}");
        assert_eq!(taggable(&mut judged.kernel, UNLISTED), [false; 2], "{endless:?}");
        judged.kernel.set_lease(Some(Duration::ZERO)).unwrap();
        assert_eq!(taggable(&mut judged.kernel, LISTED), [false; 2], "ended after {endless:?}");
        counts(&mut judged);
    }
    // A swap keeps the lease, and takes it from what left the list.
    judged.kernel.set_lease(Some(DAY)).unwrap();
    judged.publish(ranges(&OTHER_LIST));
    assert_eq!(taggable(&mut judged.kernel, UNLISTED), [true; 2]);
    assert_eq!(taggable(&mut judged.kernel, LISTED), [false; 2]);
    judged.publish(ranges(&LIST));
    assert_eq!(taggable(&mut judged.kernel, LISTED), [true; 2]);
    judged.kernel.set_lease(Some(Duration::ZERO)).unwrap();
    judged.publish(ranges(&LIST));
    assert_eq!(taggable(&mut judged.kernel, LISTED), [false; 2], "a swap gives no lease");
}

#[test]
fn a_lease_runs_out_by_itself_and_counting_goes_on() {
    require!(Root);
    let mut judged = judged();
    let (asked, before) = (Duration::from_millis(1500), Instant::now());
    judged.kernel.set_lease(Some(asked)).unwrap();
    let after = Instant::now();
    let mut asking = Instant::now();
    while taggable(&mut judged.kernel, LISTED) == [true; 2] {
        assert!(asking < after + asked + TICKS, "held after {:?}", asking - after);
        counts(&mut judged);
        thread::sleep(Duration::from_millis(1));
        asking = Instant::now();
    }
    let gone = before.elapsed();
    assert!(gone > asked - TICKS, "gone after {gone:?}");
    assert_eq!(taggable(&mut judged.kernel, LISTED), [false; 2]);
    counts(&mut judged);
    judged.kernel.set_lease(Some(DAY)).unwrap();
    assert_eq!(taggable(&mut judged.kernel, LISTED), [true; 2], "set again");
}

/// The list, with the entry at `position` retired.
fn retired(position: usize) -> Compiled {
    let mut compiled = compiled(&LIST);
    let entry = &mut compiled.entries[position].1;
    *entry = entry.retire();
    compiled
}

#[test]
fn a_retired_range_is_counted_in_its_slot_and_never_taggable() {
    require!(Root);
    let mut judged = judged();
    for lease in [None, Some(DAY), Some(Duration::ZERO)] {
        judged.kernel.set_lease(lease).unwrap();
        for position in [0, 1] {
            judged.kernel.publish(&retired(position)).unwrap();
            let holds = lease != Some(Duration::ZERO);
            let expected = [holds && position != 0, holds && position != 1];
            assert_eq!(taggable(&mut judged.kernel, LISTED), expected, "{position} retired, lease {lease:?}");
            counts(&mut judged);
        }
    }
}

/// Verification rejects a trie in which a range has lost its retired bit, has one too many, or has another
/// group.
#[test]
fn a_range_is_proven_as_retired_and_with_its_group() {
    require!(Root);
    let mut judged = judged();
    let current = compiled(&LIST);
    for (staged, asked) in [(&current, &retired(1)), (&retired(1), &current), (&retired(0), &retired(1))] {
        let staged = judged.kernel.stage(staged).unwrap();
        let Err(error) = judged.kernel.verify(staged, asked) else { panic!("verified") };
        let message = error.to_string();
        assert!(message.contains(", retired)"), "{message}");
        assert_eq!(message.matches("retired").count(), 1, "only one of both is: {message}");
    }
    // A range with another group would be trusted by the confirmations of other sources.
    let staged = judged.kernel.stage(&current.clone().grouped([0, 1])).unwrap();
    let Err(error) = judged.kernel.verify(staged, &current) else { panic!("verified") };
    assert!(error.to_string().contains("lease group 1"), "{error}");
}

/// Each group has its own lease, and drops have another one.
#[test]
fn a_group_is_trusted_by_its_own_lease_and_by_no_other() {
    require!(Root);
    let mut judged = judged();
    let compiled = compiled(&[LIST, OTHER_LIST].concat());
    for (first, second) in [(0, 7), (7, 0), (3, 4)] {
        let grouped = compiled.clone().grouped([first, first, second, second]);
        judged.kernel.publish(&grouped).unwrap();
        for (held, expected) in [(first, [true, false]), (second, [false, true])] {
            let mut groups = [Some(Duration::ZERO); GROUPS];
            groups[usize::from(held)] = Some(DAY);
            judged.kernel.set_leases(&Leases::new(groups, None)).unwrap();
            let trusted = [taggable(&mut judged.kernel, LISTED), taggable(&mut judged.kernel, UNLISTED)];
            assert_eq!(trusted, expected.map(|trusted| [trusted; 2]), "groups {first} and {second}");
        }
    }
}
