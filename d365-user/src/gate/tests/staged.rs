//! Tests first lists, additions, and changes that pass at once.

use super::*;

const A: &str = "1.0.0.0/24";
const B: &str = "1.0.1.0/24";
const C: &str = "1.0.2.0/24";

#[test]
fn an_addition_passes_with_the_first_fetch_an_hour_later() {
    let mut gate = settled(ranges(&[A]));
    let list = || ranges(&[A, B]);
    assert_eq!(offer(&mut gate, list(), 4, at(1)), ["waits +1.0.1.0/24 addition", "confirmed"]);
    assert_eq!(texts(&gate.tick(at(20))), [""; 0], "no time without a fetch");
    assert_eq!(count(&gate, Change::Addition), 1);
    let mut early = gate.clone();
    let second_less = Timestamp(at(2).0 - 1);
    assert_eq!(offer(&mut early, list(), 4, second_less), ["confirmed"]);
    let left = early.pending().next().unwrap();
    assert_eq!((left.wait, left.left.unwrap().as_secs()), (Wait::Confirmation, 1));
    assert_eq!(offer(&mut early, list(), 4, at(2)), ["+ 1.0.1.0/24 Confirmation", "confirmed"]);
    assert_eq!(offer(&mut gate, list(), 4, at(2)), ["+ 1.0.1.0/24 Confirmation", "confirmed"]);
    assert_eq!(gate.pending().len(), 0);
    assert_eq!(gate.pending_digest(), None);
}

#[test]
fn a_local_addition_passes_at_once_even_a_broad_one() {
    let mut gate = Gate::new(GatePolicy::default());
    gate.offer(local(ranges(&[A])), at(0));
    let decisions = gate.offer(local(ranges(&[A, B, "2.0.0.0/8"])), at(0));
    assert_eq!(texts(&decisions), ["+ 1.0.1.0/24 Local", "+ 2.0.0.0/8 Local", "confirmed"]);
}

#[test]
fn the_same_list_confirms_in_any_order_and_with_host_bits() {
    let mut gate = settled(ranges(&[A, B, C]));
    assert_eq!(offer(&mut gate, ranges(&[C, "1.0.0.7/24", B, A]), 3, at(5)), ["confirmed"]);
    assert_eq!(gate.confirmed(), Some(at(5)));
    assert_eq!(prefixes(&gate), [A, B, C]);
}
