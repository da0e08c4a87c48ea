//! Tests state that is stored and restored.

use super::*;

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
