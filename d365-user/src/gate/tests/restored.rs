//! Tests state that is stored and restored.

use super::*;

/// A gate in which every part of the state is set.
fn full() -> Gate {
    let mut gate = settled(numbered(20));
    offer(&mut gate, numbered(19), 3, at(1));
    let digest = gate.pending_digest().unwrap();
    gate.approve(&digest, at(1)).unwrap();
    let list =
        [(1..20).map(nth).collect(), ranges(&["1.0.0.0/24", "20.0.5.0/24 EUR x", "2.0.0.0/8"])].concat();
    offer(&mut gate, list.clone(), 9, at(2));
    offer(&mut gate, list, 2, at(3));
    gate
}

fn json(gate: &Gate) -> String {
    serde_json::to_string(&gate.stored()).unwrap()
}

fn read(text: &str) -> Result<Gate, Inconsistent> {
    Gate::restore(GatePolicy::default(), &serde_json::from_str(text).unwrap())
}

#[test]
fn a_gate_is_restored_as_it_was_and_goes_on() {
    let mut gate = full();
    let mut restored = read(&json(&gate)).unwrap();
    assert_eq!(restored, gate);
    assert_eq!(gate.pending_digest(), restored.pending_digest());
    gate.interrupt();
    for hour in (4..200).step_by(6) {
        let offered = download(numbered(18), 4);
        assert_eq!(gate.offer(offered.clone(), at(hour)), restored.offer(offered, at(hour)));
    }
    assert_eq!(gate, restored);
}

#[test]
fn what_no_gate_can_have_written_is_refused() {
    let gate = settled(ranges(&["1.0.0.0/24", "1.0.1.0/24"]));
    let text = json(&gate);
    let with = |from: &str, to: &str| {
        assert!(text.contains(from), "{from} in {text}");
        read(&text.replace(from, to)).unwrap_err()
    };
    assert_eq!(with("1.0.0.0/24", "1.0.0.1/24"), Inconsistent::Prefix("1.0.0.1/24".to_owned()));
    assert_eq!(with("1.0.0.0/24", "1.0.1.0/24"), Inconsistent::Twice("1.0.1.0/24".parse().unwrap()));
    assert!(matches!(with("NAM", "nam"), Inconsistent::Geo { .. }));
    assert!(matches!(with("inferred", "guessed"), Inconsistent::Geo { .. }));
    let waits = |action: &str| {
        format!(r#""waiting":[{{"action":{action},"change":"removal","wait":"hold","seen":0,"again":true}}"#)
    };
    let foreign = waits(r#"{"remove":"9.0.0.0/24"}"#);
    let change = Inconsistent::Change("9.0.0.0/24".parse().unwrap());
    assert_eq!(with(r#""waiting":["#, &foreign), change);
    let removal = |prefix: &str| waits(&format!(r#"{{"remove":"{prefix}"}}"#));
    let both = format!("{},{}", removal("1.0.0.0/24"), removal("1.0.1.0/24").replace(r#""waiting":["#, ""));
    assert_eq!(with(r#""waiting":["#, &both), Inconsistent::Emptied);
    let retired = r#""retired":[{"range":{"prefix":"1.0.0.0/24","geo":"NAM","geo_source":"inferred","region":null},"until":1}"#;
    assert!(matches!(with(r#""retired":["#, retired), Inconsistent::Twice(_)));
}

#[test]
fn the_form_is_this() {
    let mut gate = settled(ranges(&["1.0.0.0/24 NAM! WestUS"]));
    offer(&mut gate, ranges(&["1.0.0.0/24 NAM! WestUS", "1.0.1.0/24"]), 4, at(1));
    assert_eq!(
        json(&gate),
        concat!(
            r#"{"accepted":[{"prefix":"1.0.0.0/24","geo":"NAM","geo_source":"documented","region":"WestUS"}],"#,
            r#""retired":[],"#,
            r#""waiting":[{"action":{"add":{"prefix":"1.0.1.0/24","geo":"NAM","geo_source":"inferred","region":null}},"#,
            r#""change":"addition","wait":"confirmation","seen":0,"elapsed":0,"again":false}],"#,
            r#""number":3,"higher_number":[4,0],"lower_number":null,"grown":[],"mark":[1790003600,"download"],"confirmed":1790003600}"#
        ),
        "raise the version in state/gates.rs when this changes"
    );
}

/// The time since version 1 wrote the state does not count for a hold, although version 1 counted it.
#[test]
fn what_version_1_wrote_is_read() {
    let mut gate = settled(numbered(20));
    offer(&mut gate, numbered(19), 3, at(0));
    gate.offer(local(numbered(19)), at(0));
    let text = json(&gate).replace(r#""grown":[],"#, "").replace(r#""elapsed":0,"#, "");
    assert_ne!(text, json(&gate));
    let mut restored = read(&text).unwrap();
    assert_eq!(restored, gate);
    assert_eq!(restored.tick(at(72)), []);
    assert_eq!(restored.pending().next().unwrap().left, Some(GatePolicy::default().hold));
}

#[test]
fn what_is_stored_of_the_accepted_list_has_nothing_that_waits() {
    let gate = full();
    let copy = Gate::restore(GatePolicy::default(), &gate.stored_accepted()).unwrap();
    assert!(copy.accepted().eq(gate.accepted()) && copy.retired(at(3)).eq(gate.retired(at(3))));
    assert_eq!((copy.change_number(), copy.confirmed()), (gate.change_number(), gate.confirmed()));
    assert_eq!(copy.pending_digest(), None);
}
