//! Tests of the conclusions that the watch draws from the kernel's view of an interface.

use super::*;
use crate::{kernel::DetachReason, logging::logged};

fn seen(name: &str, loss: Option<Loss>) -> Seen {
    Seen { name: name.to_owned(), new_name: None, loss, problem: None, blinded: Vec::new() }
}

#[test]
fn readiness_names_what_is_lost_and_why() {
    let why = |seen: &[Seen]| match readiness(seen, false) {
        Readiness::NotReady(why) => Some(why.to_string()),
        Readiness::Ready => None,
    };
    assert_eq!(why(&[]), None);
    assert_eq!(why(&[seen("eth0", None)]), None);
    let all = [
        seen("eth0", Some(Loss::Left(DetachReason::Gone))),
        seen("eth1", Some(Loss::Unmarked)),
        seen("eth2", Some(Loss::Detached)),
    ];
    let expected = "not attached: eth0 (deleted, or moved to another network namespace), \
                    eth2 (detached by somebody else)";
    assert_eq!(why(&all).as_deref(), Some(expected));
    let unmarked = "not marking: eth1 (detached by somebody else)";
    assert_eq!(why(&all[1..2]).as_deref(), Some(unmarked));
}

#[test]
fn a_new_name_is_told_once_and_the_label_stays() {
    let old = [seen("eth0", None)];
    let new = [Seen { new_name: Some("ens1".to_owned()), ..seen("eth0", None) }];
    for before in [&old[..], &[]] {
        let lines = logged(|| log(before, &new));
        let [line] = &lines[..] else { panic!("{lines:?}") };
        assert!(line.contains("the interface has a new name: "), "{line}");
        assert!(line.ends_with(" iface=eth0 new_name=ens1"), "{line}");
    }
    assert!(logged(|| log(&new, &new)).is_empty() && logged(|| log(&new, &old)).is_empty());
}

#[test]
fn what_is_blinded_later_is_told_once() {
    let with = |names: &[&str]| {
        let blinded = names.iter().map(|&name| name.to_owned()).collect();
        [Seen { blinded, ..seen("eth0", None) }]
    };
    let lines = logged(|| log(&[], &with(&["bpf filter with priority 10"])));
    assert!(lines[0].ends_with(" iface=eth0 programs=\"bpf filter with priority 10\""), "{lines:?}");
    let (one, two) = (with(&["one"]), with(&["one", "two"]));
    assert!(logged(|| log(&one, &one)).is_empty() && logged(|| log(&two, &one)).is_empty());
    let lines = logged(|| log(&one, &two));
    assert!(lines.len() == 1 && lines[0].ends_with(" programs=two"), "{lines:?}");
}

#[test]
fn an_interface_that_is_unfit_is_left_with_the_reason() {
    for (reason, words) in [(DetachReason::Header, "another header"), (DetachReason::SeenTwice, "ifb device")]
    {
        let loss = Loss::Left(reason);
        assert!(loss.to_string().contains(words), "{loss}");
        assert!(uncounted(loss));
    }
}

#[test]
fn a_loss_is_told_once_for_each_interface() {
    let (gone, unmarked) = (Some(Loss::Left(DetachReason::Gone)), Some(Loss::Unmarked));
    let before = [seen("eth0", gone), seen("eth1", None), seen("eth2", None)];
    let now = [seen("eth0", gone), seen("eth1", gone), seen("eth2", unmarked)];
    let lines = logged(|| log(&before, &now));
    let [lost, unmarked] = &lines[..] else { panic!("{lines:?}") };
    assert!(lost.starts_with("ERROR ") && lost.contains(": not attached: "), "{lost}");
    let reason = " reason=\"deleted, or moved to another network namespace\"";
    assert!(lost.ends_with(&format!(" iface=eth1{reason}")), "{lost}");
    assert!(unmarked.contains(": the tc program is not attached: "), "{unmarked}");
    assert!(unmarked.ends_with(" iface=eth2 reason=\"detached by somebody else\""), "{unmarked}");
    assert_eq!(logged(|| log(&[], &now)).len(), 3);
    assert!(logged(|| log(&now, &before)).is_empty());
}
