//! Tests of lists that do not fit together.

use super::*;
use crate::gate::approval::{Approval, Verdict};

/// The limit of the tests' sources is 64. Each file has the embedded ranges and some of its own.
#[test]
fn what_does_not_fit_is_held_at_the_gate_of_the_source_that_brings_it() {
    let specs = [Spec::Embedded, url(), file()];
    let mut sources = sources(&specs, Gates::new());
    sources.offer(1, &reading(0, 30, None), NOW);
    assert_eq!((listed(&sources, NOW), waits(&sources, "capacity")), (64, 5));
    assert_eq!(sources.confirmations()[1], here(NOW));
    // The other source's updates and its confirmation continue: the prefixes of the first source take no room
    // again.
    sources.offer(2, &reading(0, 20, None), hours(1));
    assert_eq!((listed(&sources, NOW), waits(&sources, "capacity")), (64, 5));
    assert_eq!(sources.confirmations()[2], here(hours(1)));
    assert!(sources.left_out().is_empty());
    let again = restarted(&sources, &specs);
    assert!(again.left_out().is_empty());
    assert_eq!((listed(&again, NOW), waits(&again, "capacity")), (64, 5));
}

#[test]
fn an_accepted_list_that_does_not_fit_is_left_out_whole_and_used_once_it_fits() {
    let mut before = sources(&[url()], Gates::new());
    before.offer(0, &reading(39, 40, None), NOW);
    for (specs, used, out) in [
        (vec![Spec::Embedded, url()], 39, vec![url().to_string()]),
        (vec![url(), Spec::Embedded], 40, vec!["embedded".to_owned()]),
    ] {
        let sources = restarted(&before, &specs);
        assert_eq!((listed(&sources, NOW), sources.left_out()), (used, out));
    }
    let mut sources = restarted(&before, &[Spec::Embedded, url(), file()]);
    let is_left_out = |sources: &Sources| {
        sources.statuses(&looked(NOW), &[]).iter().map(|status| status.is_left_out).collect::<Vec<_>>()
    };
    assert_eq!(is_left_out(&sources), [false, true, false]);
    let written = |sources: &Sources| sources.gates(&looked(NOW))[&url().to_string()].is_left_out();
    assert!(written(&sources), "for `approve`");
    // A source after it is used, and nothing more is accepted for the source that is left out.
    sources.offer(2, &reading(39, 10, None), NOW);
    sources.offer(1, &reading(39, 45, None), NOW);
    sources.offer(1, &reading(39, 45, None), hours(1));
    assert_eq!((listed(&sources, NOW), waits(&sources, "capacity")), (49, 5));
    assert!(!sources.has_room(), "nothing may be dropped");
    // Approved removals make it fit.
    sources.offer(1, &reading(39, 25, None), hours(1));
    let approval = Approval::of(&url().to_string(), &sources.gates[&url().to_string()]);
    let request = Request { id: String::new(), approvals: approval.into_iter().collect() };
    let (_, answer) = sources.carry_out(&request, hours(1));
    assert_eq!(answer.outcomes[0].verdict, Verdict::Approved);
    assert_eq!((listed(&sources, hours(1)), sources.left_out().len(), written(&sources)), (64, 0, false));
    assert!(sources.has_room());
}

#[test]
fn where_nothing_fits_the_error_is_that_there_is_too_much() {
    let set =
        Sources::new(&[Spec::Embedded], Gates::new(), GatePolicy::default(), embedded(), 10, NOW).set(NOW);
    assert!(matches!(set, Err(RangeError::TooMany { count: 39, limit: 10 })), "{set:?}");
}

/// With every offer and approval, in any order, there is a set, and it fits.
#[test]
fn approvals_of_two_sources_share_the_room() {
    let mut sources = sources(&[url(), AZURE], Gates::new());
    for at in [0, 1] {
        sources.offer(at, &reading(0, 0, None), NOW);
    }
    sources.offer(0, &reading(0, 20, None), hours(1));
    let mut other = reading(0, 0, None);
    let entry = |n: u8| ListEntry {
        prefix: format!("21.0.{n}.0/24").parse().unwrap(),
        geo: None,
        region: None,
        line: 0,
    };
    let origin = other.set.origins()[0].clone();
    let own = other.set.ranges().iter().map(|range| ListEntry {
        prefix: range.prefix,
        geo: None,
        region: range.region.clone(),
        line: 0,
    });
    let entries = own.chain((0..20).map(entry)).collect();
    other.set =
        RangeSet::build(&[List { origin, entries, warnings: Vec::new() }], &Policy::default()).unwrap();
    sources.offer(1, &other, hours(1));
    let approvals = sources.gates.iter().filter_map(|(name, gate)| Approval::of(name, gate)).collect();
    let request = Request { id: String::new(), approvals };
    let (_, answer) = sources.carry_out(&request, hours(1));
    let verdicts: Vec<_> = answer.outcomes.iter().map(|outcome| outcome.verdict).collect();
    assert!(verdicts.contains(&Verdict::Partly), "{verdicts:?}");
    assert_eq!((listed(&sources, hours(1)), waits(&sources, "capacity")), (64, 15));
}
