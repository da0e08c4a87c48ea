//! Tests of each check in each of its levels.

use super::*;
use crate::{command::doctor::finding::Level, kernel::survey::Unknown};

fn fit() -> Machine {
    Machine {
        kernel: Ok((KernelVersion::new(6, 1, 0), "6.1.0-1".to_owned())),
        missing_feature: Ok(None),
        has_btf: true,
        jit: Ok(1),
        jit_harden: Ok(0),
        memlock: Ok(Some(65_536)),
        is_root: true,
        missing_capabilities: Ok(Vec::new()),
        fwmark_accept: Ok(false),
    }
}

/// The findings that are not ok.
fn wrong(change: impl Fn(&mut Machine)) -> Vec<(Check, Level)> {
    let mut machine = fit();
    change(&mut machine);
    let findings = judge(&machine);
    let wrong = findings.iter().filter(|finding| finding.judgement.level != Level::Ok);
    wrong
        .inspect(|finding| assert!(finding.judgement.advice.is_some(), "{finding:?}"))
        .map(|f| (f.check, f.judgement.level))
        .collect()
}

fn unknown<T>() -> Fact<T> {
    Err(Unknown::Refused("no".to_owned()))
}

#[test]
fn a_fit_machine_has_nothing_wrong() {
    assert_eq!(wrong(|_| {}), []);
    assert_eq!(judge(&fit()).len(), 8);
    assert_eq!(wrong(|machine| machine.fwmark_accept = Ok(true)), []);
    assert_eq!(wrong(|machine| machine.jit_harden = Ok(1)), []);
}

#[test]
fn each_check_has_its_levels() {
    let old = |version| move |machine: &mut Machine| machine.kernel = Ok((version, "old".to_owned()));
    assert_eq!(
        wrong(old(KernelVersion::new(5, 9, 0))),
        [(Check::Kernel, Level::Error), (Check::Memlock, Level::Warning)]
    );
    assert_eq!(wrong(old(KernelVersion::new(5, 10, 0))), [(Check::Memlock, Level::Warning)]);
    assert_eq!(wrong(old(KernelVersion::new(5, 11, 0))), []);
    let unlimited = |machine: &mut Machine| {
        old(KernelVersion::new(5, 10, 0))(machine);
        machine.memlock = Ok(None);
    };
    assert_eq!(wrong(unlimited), []);
    let lacking = |machine: &mut Machine| machine.missing_feature = Ok(Some("no ring buffers".to_owned()));
    assert_eq!(wrong(lacking), [(Check::Bpf, Level::Error)]);
    assert_eq!(wrong(|machine| machine.has_btf = false), [(Check::Btf, Level::Warning)]);
    assert_eq!(wrong(|machine| machine.jit = Ok(0)), [(Check::Jit, Level::Warning)]);
    assert_eq!(wrong(|machine| machine.jit = Ok(2)), [(Check::Jit, Level::Warning)]);
    assert_eq!(wrong(|machine| machine.jit_harden = Ok(2)), [(Check::JitHarden, Level::Warning)]);
}

/// Root without capabilities cannot run the daemon. Another user may still check.
#[test]
fn privileges_are_weighed_by_who_asks() {
    let lacking = |is_root| {
        move |machine: &mut Machine| {
            machine.is_root = is_root;
            machine.missing_capabilities = Ok(vec!["CAP_BPF"]);
            machine.missing_feature = unknown();
        }
    };
    let levels = |level| [(Check::Bpf, Level::Warning), (Check::Capabilities, level)];
    assert_eq!(wrong(lacking(true)), levels(Level::Error));
    assert_eq!(wrong(lacking(false)), levels(Level::Warning));
    assert_eq!(wrong(|machine| machine.missing_feature = unknown()), [(Check::Bpf, Level::Error)]);
}

#[test]
fn what_could_not_be_asked_is_a_warning() {
    let blind = |machine: &mut Machine| {
        *machine = Machine {
            kernel: unknown(),
            missing_feature: unknown(),
            jit: unknown(),
            jit_harden: unknown(),
            memlock: unknown(),
            missing_capabilities: unknown(),
            fwmark_accept: unknown(),
            ..fit()
        }
    };
    let expected = [
        Check::Kernel,
        Check::Bpf,
        Check::Jit,
        Check::JitHarden,
        Check::Memlock,
        Check::Capabilities,
        Check::FwmarkAccept,
    ];
    assert_eq!(wrong(blind), expected.map(|check| (check, Level::Warning)));
}

#[test]
fn each_unknown_variable_is_a_warning() {
    let [fine] = &environment(&[])[..] else { panic!("one finding") };
    assert_eq!((fine.judgement.level, &fine.judgement.advice), (Level::Ok, &None));
    let unknown =
        |name: &str, advice: &str| UnknownVariable { name: name.to_owned(), advice: advice.to_owned() };
    let [range, other] =
        &environment(&[unknown("D365_RANGE", "did you mean D365_RANGES?"), unknown("D365_X", "look")])[..]
    else {
        panic!("two findings")
    };
    assert_eq!(
        (range.judgement.level, &*range.judgement.found),
        (Level::Warning, "no flag reads the variable \"D365_RANGE\"")
    );
    assert_eq!(range.judgement.advice.as_deref(), Some("did you mean D365_RANGES?"));
    assert_eq!(other.judgement.advice.as_deref(), Some("look"));
}

#[test]
fn a_clock_is_synchronised_and_plausible() {
    let list = Timestamp(1_785_715_200);
    let level = |now, is_synchronised| {
        clock(&Clock { now: Timestamp(now), is_synchronised }, Some(list))
            .map_or(Level::Warning, |judgement| judgement.level)
    };
    assert_eq!(level(list.0 + 86_400, Ok(true)), Level::Ok);
    assert_eq!(level(list.0 + 86_400, Ok(false)), Level::Warning);
    assert_eq!(level(list.0 + 86_400, Err(Unknown::Failed("?".to_owned()))), Level::Warning);
    assert_eq!(level(list.0 - 1, Ok(true)), Level::Error);
    assert_eq!(level(list.0 + LONGEST + 1, Ok(true)), Level::Error);
}
