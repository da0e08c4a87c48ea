//! Tests of the table that the operator sees before approving.

use super::*;
use crate::{
    gate::{GatePolicy, Offer, Room, Timestamp, Trust},
    geo::{Geo, GeoCode, GeoSource},
};

fn range(prefix: &str, code: &str, region: &str) -> Range {
    let geo = Geo { code: GeoCode::new(code).unwrap(), source: GeoSource::Inferred };
    Range { prefix: prefix.parse().unwrap(), geo, region: Some(region.to_owned()) }
}

fn gates(number: u64, offered: Vec<Range>) -> Gates {
    let baseline = vec![range("20.0.0.0/24", "NAM", "WestUS2"), range("20.0.1.0/24", "FRA", "FranceCentral")];
    let mut gate = Gate::with_baseline(GatePolicy::default(), baseline, Some(4));
    let offer = Offer { ranges: offered, change_number: Some(number), trust: Trust::Download };
    gate.offer(offer, Timestamp(1000));
    Gates::from([
        ("azure:public".to_owned(), gate),
        ("file:/quiet".to_owned(), Gate::new(GatePolicy::default())),
    ])
}

#[test]
fn each_change_says_what_would_be_done_and_when() {
    let offered = vec![
        range("20.0.0.0/24", "EUR", "West\nEurope"),
        range("20.2.0.0/24", "KOR", "KoreaCentral"),
        range("21.0.0.0/15", "KOR", "KoreaCentral"),
    ];
    let gates = gates(4, offered);
    let gate = &gates["azure:public"];
    assert_eq!((changes_of(gate), prefixes(gate)), (4, 4));
    let digest = gate.pending_digest().unwrap();
    assert_eq!(
        table(&gates).replace(&digest, "SEEN"),
        "azure:public: 4 changes waiting\n\
         digest SEEN\n\
         reason    prefix       change                                                           passes by itself\n\
         geo       20.0.0.0/24  relabel, NAM (inferred), WestUS2 → EUR (inferred), West\\nEurope  in 1 h, if still offered\n\
         removal   20.0.1.0/24  remove, FRA (inferred), FranceCentral                            in 3 days, if still offered\n\
         addition  20.2.0.0/24  add, KOR (inferred), KoreaCentral                                in 1 h, if still offered\n\
         broad     21.0.0.0/15  add, KOR (inferred), KoreaCentral                                never: until approved\n\n"
    );
}

#[test]
fn a_step_back_is_a_change_of_its_own() {
    let gates = gates(3, vec![range("20.0.0.0/24", "NAM", "WestUS2")]);
    let gate = &gates["azure:public"];
    assert_eq!((changes_of(gate), prefixes(gate)), (2, 1));
    let table = table(&gates);
    assert!(table.contains("step_back  –            change number 4 → 3"), "{table}");
    assert!(table.contains("20.0.1.0/24  remove, FRA (inferred), FranceCentral"), "{table}");
}

#[test]
fn where_nothing_waits_nothing_is_shown() {
    let gates = gates(4, Gate::new(GatePolicy::default()).accepted().cloned().collect());
    assert_eq!((changes_of(&gates["azure:public"]), table(&gates).as_str()), (0, ""));
}

#[test]
fn a_source_that_is_left_out_is_named_even_if_nothing_waits() {
    let mut gates = gates(4, Vec::new());
    gates.get_mut("file:/quiet").unwrap().leave_out();
    let table = table(&gates);
    assert!(table.starts_with("file:/quiet: its accepted list does not fit"), "{table}");
    assert!(table.contains("nothing of it is used; raise --max-ranges"), "{table}");
}

#[test]
fn what_was_rejected_or_has_no_room_says_so() {
    let mut gates = gates(4, vec![range("20.0.0.0/24", "NAM", "WestUS2"), range("20.2.0.0/24", "KOR", "x")]);
    let gate = gates.get_mut("azure:public").unwrap();
    let digest = gate.pending_digest().unwrap();
    gate.reject(&digest, Some(&["20.0.1.0/24".parse().unwrap()])).unwrap();
    gate.set_room(Room::none());
    let digest = gate.pending_digest().unwrap();
    gate.approve(&digest, None, Timestamp(1001)).unwrap();
    assert_eq!((changes_of(gate), prefixes(gate)), (1, 1));
    let table = table(&gates);
    for part in [
        "azure:public: 1 change waiting, 1 rejected\n",
        "never: rejected; approve its prefix to take it",
        "capacity  20.2.0.0/24  add, KOR (inferred), x",
        "when there is room: raise --max-ranges",
    ] {
        assert!(table.contains(part), "{part} is not in {table}");
    }
}
