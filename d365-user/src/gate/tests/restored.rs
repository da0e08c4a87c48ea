//! Tests state that is stored and restored.

use proptest::prelude::*;

use super::{
    super::{change::Waiting, number::Number, offer::by_prefix},
    *,
};

#[test]
fn what_no_gate_can_have_written_is_refused() {
    let gate = settled(ranges(&["1.0.0.0/24", "1.0.1.0/24"]));
    let text = serde_json::to_string(&gate.stored()).unwrap();
    let waits = |action: &str| {
        format!(r#""waiting":[{{"action":{action},"change":"removal","wait":"hold","seen":0,"again":true}}"#)
    };
    let retired = r#""retired":[{"range":{"prefix":"1.0.0.0/24","geo":"NAM","geo_source":"inferred","region":null},"until":1}"#;
    for (from, to, prefix) in [
        ("1.0.0.0/24", "1.0.0.1/24", Some("1.0.0.1/24")),
        ("1.0.0.0/24", "1.0.1.0/24", None),
        ("NAM", "nam", None),
        ("inferred", "guessed", None),
        (r#""waiting":["#, &waits(r#"{"remove":"9.0.0.0/24"}"#), Some("9.0.0.0/24")),
        (r#""retired":["#, retired, Some("1.0.0.0/24")),
    ] {
        assert!(text.contains(from), "{from} in {text}");
        let state: Option<State> = serde_json::from_str(&text.replace(from, to)).ok();
        let refused = state.map(|state| Gate::restore(GatePolicy::default(), state).unwrap_err());
        assert_eq!(refused, prefix.map(|prefix| Inconsistent(prefix.parse().unwrap())), "{to}");
    }
}

#[test]
fn what_is_stored_of_the_accepted_list_has_nothing_that_waits() {
    let mut gate = settled(numbered(20));
    offer(&mut gate, numbered(19), 3, at(1));
    let digest = gate.pending_digest().unwrap();
    gate.approve(&digest, None, at(1)).unwrap();
    offer(&mut gate, [(1..20).map(nth).collect(), ranges(&["1.0.0.0/24"])].concat(), 2, at(2));
    let copy = Gate::restore(GatePolicy::default(), gate.stored_accepted()).unwrap();
    assert!(copy.accepted().eq(gate.accepted()) && copy.retired(at(3)).eq(gate.retired(at(3))));
    assert_eq!((copy.change_number(), copy.confirmed()), (gate.change_number(), gate.confirmed()));
    assert_eq!((copy.pending_digest(), gate.pending().len()), (None, 3));
}

/// A range from a small space, so that the same one is likely to occur again; some are broad, some
/// documented.
fn any_range() -> impl Strategy<Value = Range> {
    let prefix = prop_oneof![
        8 => (0..12u8).prop_map(|n| format!("20.0.{n}.0/24")),
        1 => (0..3u8).prop_map(|n| format!("20.{n}.0.0/16")),
        1 => (0..3u8).prop_map(|n| format!("2{n}.0.0.0/8")),
        1 => (0..3u8).prop_map(|n| format!("2603:{n}::/{}", 31 + n)),
    ];
    let label = prop::sample::select(vec!["NAM", "NAM", "NAM!", "EUR", "EUR West", "NAM! West"]);
    (prefix, label).prop_map(|(prefix, label)| {
        let mut range = range(&format!("{prefix} {label}"));
        range.prefix = range.prefix.trunc();
        range
    })
}

proptest! {
    /// An invented state is either rejected or a gate that works.
    #[test]
    fn any_state_that_is_read_works(
        accepted in prop::collection::vec(any_range(), 0..6),
        waiting in prop::collection::vec((any_range(), any::<bool>()), 0..6),
        list in prop::collection::vec(any_range(), 0..16),
        clock in any::<u64>(),
    ) {
        let waiting = waiting.into_iter().map(|(range, is_addition)| {
            let action = if is_addition { Action::Add(range) } else { Action::Remove(range.prefix) };
            let (change, wait) = (Change::Flood, Wait::Hold);
            (action.prefix(), Waiting { action, change, wait, seen: clock, elapsed: clock, again: true })
        });
        let state = State {
            accepted: by_prefix(accepted),
            waiting: waiting.collect(),
            number: Number { accepted: Some(clock), higher: None, lower: Some((None, clock)) },
            mark: Some((Timestamp(clock), Trust::Local)),
            ..State::default()
        };
        if let Ok(mut gate) = Gate::restore(GatePolicy::default(), state) {
            let was_empty = gate.accepted().len() == 0;
            gate.tick(Timestamp(u64::MAX));
            gate.offer(download(list, 1), Timestamp(u64::MAX));
            let digest = gate.pending_digest().unwrap_or_default();
            let _ = gate.approve(&digest, None, Timestamp(clock));
            prop_assert!(was_empty || gate.accepted().len() > 0);
        }
    }
}
