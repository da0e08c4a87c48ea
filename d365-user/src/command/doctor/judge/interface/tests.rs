//! Tests of each check in each of its levels, including those of [`programs`](super::programs).

mod drivers;

use super::*;
use crate::{
    command::doctor::finding::Level,
    kernel::{
        Objection, Other, Surroundings, Xdp,
        survey::{Holders, KernelVersion, Kind, Offloads, Program, Unknown, XdpFeatures},
    },
    snapshot::XdpMode,
};

/// `basic` and `rx-sg`.
const ALL: XdpFeatures = XdpFeatures(0b10_0001);
const BASIC: XdpFeatures = XdpFeatures(1);

fn machine(version: KernelVersion) -> Machine {
    Machine {
        kernel: Ok((version, String::new())),
        missing_feature: Ok(None),
        has_btf: true,
        jit: Ok(1),
        jit_harden: Ok(0),
        memlock: Ok(None),
        is_root: true,
        missing_capabilities: Ok(Vec::new()),
        fwmark_accept: Ok(false),
    }
}

fn fit() -> InterfaceFacts {
    InterfaceFacts {
        kind: Ok(Kind { name: None, below: Vec::new(), above: Vec::new() }),
        place: Ok(Ok("alone".to_owned())),
        link: Ok(LinkFacts { header: Ok(Header::Ethernet), is_up: true, mtu: 1500 }),
        driver: Ok("virtio_net".to_owned()),
        features: Ok(Some(ALL)),
        offloads: Ok(Offloads { lro: false, gro: true }),
        xdp: Ok(None),
        xdp_above: Ok(None),
        tcx: Ok(Some(Vec::new())),
        clsact: Ok(Vec::new()),
        generic: Ok(Surroundings::default()),
    }
}

fn program(id: u32, name: &str) -> Program {
    let holders = Holders { processes: Vec::new(), is_partial: false };
    Program { id: Some(id), name: Ok(name.to_owned()), holders: Some(holders) }
}

fn filter(kind: &str, program: Option<Program>) -> (String, Option<Program>) {
    (format!("{kind} filter with priority 10"), program)
}

fn unknown<T>() -> Fact<T> {
    Err(Unknown::Refused("no".to_owned()))
}

fn findings(version: KernelVersion, change: impl Fn(&mut InterfaceFacts)) -> Vec<Finding> {
    let mut facts = fit();
    change(&mut facts);
    let findings = judge("m0", &Ok(Some(facts)), &machine(version), false);
    assert!(findings.iter().all(|finding| finding.interface.as_deref() == Some("m0")));
    findings
}

/// The findings that are not ok, on a kernel that has everything.
fn wrong(change: impl Fn(&mut InterfaceFacts)) -> Vec<(Check, Level)> {
    wrong_on(KernelVersion::new(6, 18, 0), change)
}

fn wrong_on(version: KernelVersion, change: impl Fn(&mut InterfaceFacts)) -> Vec<(Check, Level)> {
    let findings = findings(version, change);
    let wrong = findings.iter().filter(|finding| finding.judgement.level != Level::Ok);
    wrong
        .inspect(|finding| assert!(finding.judgement.advice.is_some(), "{finding:?}"))
        .map(|f| (f.check, f.judgement.level))
        .collect()
}

/// The text of one check's finding.
fn said(check: Check, change: impl Fn(&mut InterfaceFacts)) -> String {
    findings(KernelVersion::new(6, 18, 0), change)
        .into_iter()
        .find(|finding| finding.check == check)
        .unwrap()
        .judgement
        .found
}

fn link(facts: &mut InterfaceFacts) -> &mut LinkFacts {
    facts.link.as_mut().unwrap()
}

const WARNING: Level = Level::Warning;

#[test]
fn a_fit_interface_has_nothing_wrong() {
    assert_eq!(wrong(|_| {}), []);
    assert_eq!(findings(KernelVersion::new(6, 18, 0), |_| {}).len(), 13);
    assert_eq!(wrong(|facts| facts.tcx = Ok(None)), []);
    assert_eq!(said(Check::Driver, |facts| facts.driver = Ok(String::new())), "without a name");
    let ice = |facts: &mut InterfaceFacts| facts.driver = Ok("ice".to_owned());
    assert!(said(Check::Driver, ice).starts_with("ice: it interrupts traffic"));
    assert_eq!(wrong(ice), [(Check::Driver, WARNING)]);
}

#[test]
fn one_that_is_not_there_or_not_understood_is_an_error() {
    let missing = judge("m0", &Ok(None), &machine(KernelVersion::new(6, 1, 0)), false);
    assert_eq!(
        (missing.len(), missing[0].judgement.level, missing[0].check),
        (1, Level::Error, Check::Interface)
    );
    let refused = judge("m0", &unknown(), &machine(KernelVersion::new(6, 1, 0)), false);
    assert_eq!((refused.len(), refused[0].judgement.level), (1, WARNING));
    let objection = Objection { reason: "an ifb device".to_owned(), advice: "watch another" };
    let refused = |facts: &mut InterfaceFacts| link(facts).header = Err(objection.clone());
    assert_eq!(wrong(refused), [(Check::Interface, Level::Error)]);
    assert_eq!(said(Check::Interface, refused), "an ifb device");
    assert_eq!(wrong(|facts| link(facts).is_up = false), [(Check::Interface, WARNING)]);
}

#[test]
fn one_that_only_matches_a_pattern_is_never_an_error() {
    let mut facts = fit();
    let objection = Objection { reason: "a tun device".to_owned(), advice: "watch another" };
    link(&mut facts).header = Err(objection);
    let machine = machine(KernelVersion::new(6, 18, 0));
    let findings = judge("tun0", &Ok(Some(facts)), &machine, true);
    let [Finding { check: Check::Interface, judgement, .. }] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!(judgement.level, WARNING);
    assert!(judgement.found.ends_with("leaves it out: a tun device"), "{judgement:?}");
    assert_eq!(judge("m0", &Ok(Some(fit())), &machine, true).len(), 13);
    for (is_any_watched, level) in [(true, WARNING), (false, Level::Error)] {
        assert_eq!(unmatched("eth*", is_any_watched)[0].judgement.level, level);
    }
}

#[test]
fn names_of_one_link_are_an_error_and_more_than_the_rows_a_warning() {
    let levels = |count, same| {
        together(count, same).into_iter().map(|finding| finding.judgement.level).collect::<Vec<_>>()
    };
    assert_eq!(levels(MAX_INTERFACES, None), []);
    assert_eq!(levels(MAX_INTERFACES + 1, None), [WARNING]);
    assert_eq!(levels(2, Some("m0 and alt0 are one link")), [Level::Error]);
}

#[test]
fn what_could_not_be_asked_is_a_warning() {
    let blind = |facts: &mut InterfaceFacts| {
        *facts = InterfaceFacts {
            kind: unknown(),
            place: unknown(),
            link: unknown(),
            driver: unknown(),
            features: unknown(),
            offloads: unknown(),
            xdp: unknown(),
            xdp_above: unknown(),
            tcx: unknown(),
            clsact: unknown(),
            generic: unknown(),
        }
    };
    let wrong = wrong(blind);
    assert_eq!((wrong.len(), wrong.iter().all(|(_, level)| *level == WARNING)), (13, true), "{wrong:?}");
}

/// Before 5.18 no program takes several buffers. From 6.3 on the driver reports if it gives them to programs.
/// In between it is not known.
#[test]
fn a_large_mtu_needs_several_buffers() {
    let large = |features| {
        move |facts: &mut InterfaceFacts| {
            link(facts).mtu = 9000;
            facts.features = Ok(features);
        }
    };
    let both = [(Check::Mtu, WARNING), (Check::Native, WARNING)];
    assert_eq!(wrong(large(Some(ALL))), []);
    assert_eq!(wrong(large(Some(BASIC))), both);
    assert_eq!(wrong_on(KernelVersion::new(5, 17, 0), large(Some(ALL))), both);
    let untold = [(Check::XdpFeatures, WARNING), both[0], both[1]];
    assert_eq!(wrong_on(KernelVersion::new(6, 1, 0), large(None)), untold);
    assert_eq!(wrong(|facts| facts.link = unknown()), [(Check::Interface, WARNING), both[0], both[1]]);
}

#[test]
fn native_mode_is_possible_or_the_reason_is_said() {
    assert_eq!(wrong(|facts| facts.features = Ok(Some(XdpFeatures(0)))), [(Check::Native, WARNING)]);
    let lro = |facts: &mut InterfaceFacts| facts.offloads = Ok(Offloads { lro: true, gro: true });
    assert_eq!(wrong(lro), [(Check::Lro, WARNING), (Check::Native, WARNING)]);
    let untold = |facts: &mut InterfaceFacts| facts.features = Ok(None);
    assert_eq!(
        wrong_on(KernelVersion::new(6, 1, 0), untold),
        [(Check::XdpFeatures, WARNING), (Check::Native, WARNING)]
    );
    for mtu in [1500, 9000] {
        let running = |facts: &mut InterfaceFacts| {
            link(facts).mtu = mtu;
            facts.features = Ok(None);
            facts.xdp = Ok(Some((Xdp { program: 7, mode: XdpMode::Native }, program(7, "d365"))));
        };
        assert_eq!(wrong_on(KernelVersion::new(6, 1, 0), running), [], "{mtu}");
    }
}

#[test]
fn another_xdp_program_is_a_warning_and_ones_own_is_none() {
    let on = |name: &'static str, mode| {
        move |facts: &mut InterfaceFacts| {
            facts.xdp = Ok(Some((Xdp { program: 7, mode }, program(7, name))));
        }
    };
    for own in d365_common::names::PROGRAMS {
        assert_eq!(wrong(on(own, XdpMode::Native)), [], "{own}");
    }
    assert_eq!(wrong(on("xdp_dispatcher", XdpMode::Generic)), [(Check::XdpPrograms, WARNING)]);
    let unnamed = |facts: &mut InterfaceFacts| {
        facts.xdp = Ok(Some((
            Xdp { program: 7, mode: XdpMode::Generic },
            Program { name: unknown(), ..program(7, "") },
        )));
    };
    assert_eq!(wrong(unnamed), [(Check::XdpPrograms, WARNING)]);
}

#[test]
fn who_keeps_a_program_is_said() {
    let held = |processes: &[&str], is_partial| {
        let processes = processes.iter().map(|process| (*process).to_owned()).collect();
        let holders = Holders { processes, is_partial };
        said(Check::XdpPrograms, move |facts| {
            let program = Program { holders: Some(holders.clone()), ..program(7, "other") };
            facts.xdp = Ok(Some((Xdp { program: 7, mode: XdpMode::Generic }, program)));
        })
    };
    let begin = "another program is here: other (id 7)";
    assert_eq!(
        held(&["cilium 12", "tool 13"], true),
        format!("{begin} held by cilium 12, tool 13, generic mode")
    );
    assert!(held(&[], false).starts_with(&format!("{begin} held by no process: pinned")));
    assert!(held(&[], true).starts_with(&format!("{begin} held by no process that can be looked into")));
}

#[test]
fn other_tc_programs_are_a_warning_and_ones_own_are_none() {
    let tcx = |names: &'static [&'static str]| {
        move |facts: &mut InterfaceFacts| {
            facts.tcx = Ok(Some((1..).zip(names).map(|(id, name)| program(id, name)).collect()));
        }
    };
    assert_eq!(wrong(tcx(&["d365_tag"])), []);
    assert_eq!(wrong(tcx(&["d365_tag", "other"])), [(Check::TcPrograms, WARNING)]);
    assert_eq!(wrong(tcx(&["d365_tc"])), []);
    assert_eq!(wrong(tcx(&["d365_tc", "d365_tc"])), [(Check::TcPrograms, WARNING)]);
    assert!(said(Check::TcPrograms, tcx(&["d365_tc", "d365_tc_l3"])).starts_with("several d365-users"));
    let by_xdp_too = |facts: &mut InterfaceFacts| {
        tcx(&["d365_tc"])(facts);
        facts.xdp = Ok(Some((Xdp { program: 9, mode: XdpMode::Native }, program(9, "d365"))));
    };
    assert_eq!(wrong(by_xdp_too), [(Check::TcPrograms, WARNING)]);
    let classic = |facts: &mut InterfaceFacts| {
        let program = Program { id: None, holders: None, ..program(0, "") };
        facts.clsact = Ok(vec![filter("bpf", Some(program)), filter("u32", None)]);
    };
    assert_eq!(wrong(classic), [(Check::TcPrograms, WARNING)]);
    assert_eq!(
        said(Check::TcPrograms, classic),
        "others are here: clsact a program without a name (classic BPF); clsact u32 filter with priority 10"
    );
    let unnamed = |facts: &mut InterfaceFacts| {
        facts.clsact = Ok(vec![filter("bpf", Some(Program { name: unknown(), ..program(7, "") }))]);
    };
    assert_eq!(wrong(unnamed), [(Check::TcPrograms, WARNING)]);
}

#[test]
fn a_place_from_which_nothing_is_delivered_is_a_warning() {
    let place = |facts: &mut InterfaceFacts| {
        facts.place = Ok(Err(("a VRF device".to_owned(), "watch its members".to_owned())));
    };
    assert_eq!(wrong(place), [(Check::Place, WARNING)]);
    assert_eq!(said(Check::Place, place), "a VRF device");
}

/// Only `--mode generic` uses it, so it is a warning while a daemon runs in it.
#[test]
fn the_harm_of_generic_mode_is_foretold() {
    let other = Other { name: "u32 filter with priority 10".to_owned(), is_program: false, ifbs: Vec::new() };
    let hidden = Surroundings { others: vec![other.clone()], loses_length: true, ..Surroundings::default() };
    let shaped = Other { ifbs: vec!["ifb0".to_owned()], ..other };
    let returned = Surroundings { others: vec![shaped], ..hidden.clone() };
    for (surroundings, words) in [
        (hidden, "--mode generic warns: on this kernel it hides the Ethernet header"),
        (returned, "--mode generic refuses it: u32 filter with priority 10 sends packets to ifb0"),
    ] {
        let beside = |facts: &mut InterfaceFacts| facts.generic = Ok(surroundings.clone());
        assert_eq!(wrong(beside), []);
        assert!(said(Check::Generic, beside).starts_with(words));
        let running = |facts: &mut InterfaceFacts| {
            beside(facts);
            facts.xdp = Ok(Some((Xdp { program: 7, mode: XdpMode::Generic }, program(7, "d365"))));
        };
        assert_eq!(wrong(running), [(Check::Generic, WARNING)]);
        assert!(said(Check::Generic, running).starts_with("a d365-user runs in generic mode: "));
    }
    let unreadable = |facts: &mut InterfaceFacts| {
        facts.generic = Ok(Surroundings { has_unreadable: true, ..Surroundings::default() });
    };
    assert_eq!(wrong(unreadable), [(Check::Generic, WARNING)]);
}

/// XDP is not possible there, and tc is.
#[test]
fn an_interface_without_an_ethernet_header_is_fit() {
    let bare = |facts: &mut InterfaceFacts| {
        link(facts).header = Ok(Header::Ip);
        link(facts).mtu = 9000;
        facts.features = Ok(Some(XdpFeatures(0)));
    };
    assert_eq!(wrong(bare), []);
    assert_eq!(said(Check::Interface, bare), "up; its packets begin with the IP header");
    for check in [Check::Native, Check::Generic] {
        assert!(said(check, bare).starts_with("not possible, as its packets begin with the IP header"));
    }
}

#[test]
fn a_program_on_the_device_above_is_a_warning() {
    let on = |facts: &mut InterfaceFacts| {
        let xdp = Xdp { program: 7, mode: XdpMode::Generic };
        facts.xdp_above = Ok(Some(("br0".to_owned(), xdp, program(7, "d365"))));
    };
    assert_eq!(wrong(on), [(Check::XdpPrograms, WARNING)]);
    let both = |facts: &mut InterfaceFacts| {
        on(facts);
        facts.xdp = Ok(Some((Xdp { program: 6, mode: XdpMode::Native }, program(6, "d365"))));
    };
    assert_eq!(wrong(both), [], "it was attached first");
    assert_eq!(wrong(|facts| facts.xdp_above = unknown()), [(Check::XdpPrograms, WARNING)]);
}
