//! What the operator sees before approving.

use super::*;
use crate::{
    generation::gate::{GatePolicy, Offer, Timestamp, Trust},
    ranges::{Geo, GeoCode, GeoSource},
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
    assert_eq!(changes(&gates), 4);
    assert_eq!(
        table(&gates),
        "azure:public: 4 changes waiting\n\
         reason    prefix       change                                                           passes by itself\n\
         geo       20.0.0.0/24  relabel, NAM (inferred), WestUS2 → EUR (inferred), West\\nEurope  in 1h, if still offered\n\
         removal   20.0.1.0/24  remove, FRA (inferred), FranceCentral                            in 3days, if still offered\n\
         addition  20.2.0.0/24  add, KOR (inferred), KoreaCentral                                in 1h, if still offered\n\
         broad     21.0.0.0/15  add, KOR (inferred), KoreaCentral                                never: until approved\n\n"
    );
}

#[test]
fn a_step_back_is_a_change_of_its_own() {
    let gates = gates(3, vec![range("20.0.0.0/24", "NAM", "WestUS2")]);
    assert_eq!(changes(&gates), 2);
    let table = table(&gates);
    assert!(table.contains("step_back  –            change number 4 → 3"), "{table}");
    assert!(table.contains("20.0.1.0/24  remove, FRA (inferred), FranceCentral"), "{table}");
}

#[test]
fn where_nothing_waits_nothing_is_shown() {
    let gates = gates(4, Gate::new(GatePolicy::default()).accepted().cloned().collect());
    assert_eq!((changes(&gates), table(&gates).as_str()), (0, ""));
}
