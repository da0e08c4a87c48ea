//! Other tc programs on the interface: ours runs before or after them, and never detaches one.

use std::time::Duration;

use aya::programs::{SchedClassifier, TcAttachType};
use d365_common::mark::Mark;
use d365_tests::{lab::Lab, require};
use d365_user::{
    kernel::{Header, Inherited, Interface, Kernel, OBJECT, Options, Store, TcHold, TcProgram, TcRole},
    settings::{ModePolicy, Tags, TcOrder},
};

use crate::{foreign::Foreign, judged::options, kernel::KernelExt as _, steps::shell};

/// Loads a kernel object that sets marks, for an interface of this thread's namespace.
fn kernel(interface: &Interface) -> Kernel {
    let tags = Tags { mark: Some(Mark::DEFAULT), ..Tags::default() };
    let options = Options { interfaces: vec![interface.clone()], tags, ..options() };
    Kernel::load(OBJECT, &options).unwrap().0
}

/// Attaches the program that marks by a filter, as on a kernel without tcx.
fn by_filter(kernel: &mut Kernel, interface: &Interface, order: TcOrder) -> TcProgram {
    kernel.attach_clsact(interface, TcRole::Mark, Header::Ethernet, order, &at_a_start()).unwrap()
}

/// Nothing but the filters of a killed daemon.
fn at_a_start() -> Inherited {
    Inherited::take(Store::default(), Vec::new()).unwrap()
}

/// Runs a test in a lab's host.
fn on_a_link(test: impl FnOnce(&Lab, &Interface) + Send) {
    let lab = Lab::new().unwrap();
    lab.host.run(|| test(&lab, &Interface::find(lab.iface()).unwrap()));
}

/// Returns the interface's ingress filters (`filter`) or qdiscs (`qdisc`), as `tc` shows them.
fn tc(lab: &Lab, object: &str) -> String {
    let suffix = if object == "filter" { "ingress" } else { "" };
    shell(&lab.host, &format!("tc {object} show dev {} {suffix}", lab.iface()))
}

/// Returns the names of the tcx programs in their order.
fn names(interface: &Interface) -> Vec<String> {
    let (_, programs) = SchedClassifier::query_tcx(&interface.name, TcAttachType::Ingress).unwrap();
    programs.iter().map(|program| program.name_as_str().unwrap().to_owned()).collect()
}

#[test]
fn tcx_programs_of_others_stay_where_they_are() {
    require!(Root, Kernel(6, 6, "tcx"), Tool("ip"));
    for (order, expected) in [
        (TcOrder::First, ["d365_tag", "foreign", "foreign"]),
        (TcOrder::Last, ["foreign", "foreign", "d365_tag"]),
    ] {
        on_a_link(|_, interface| {
            let mut others = [Foreign::marking(1), Foreign::marking(2)];
            others.iter_mut().for_each(|other| other.attach(&interface.name, false));
            let mut kernel = kernel(interface);
            let tagger = kernel.attach_tagger(interface, order, &mut Inherited::default()).unwrap();
            assert_eq!((tagger.hold, names(interface)), (TcHold::Tcx, expected.map(str::to_owned).to_vec()));
            assert!(tagger.is_attached().unwrap());
            drop(kernel);
            assert_eq!(names(interface), ["foreign", "foreign"]);
            assert!(!tagger.is_attached().unwrap());
        });
    }
}

#[test]
fn filters_of_others_and_their_qdisc_stay() {
    require!(Root, Tool("ip"), Tool("tc"));
    for order in [TcOrder::First, TcOrder::Last] {
        on_a_link(|lab, interface| {
            let mut kernel = kernel(interface);
            let tagger = by_filter(&mut kernel, interface, order);
            assert!(tagger.is_attached().unwrap());
            assert!(tc(lab, "filter").contains("d365_tag"), "{}", tc(lab, "filter"));
            // Another program's filter in the qdisc that we added: the qdisc stays for it.
            let filter = "ingress prio 7 protocol all u32 match u32 0 0 flowid 1:1";
            shell(&lab.host, &format!("tc filter add dev {} {filter}", lab.iface()));
            drop(kernel);
            assert!(!tagger.is_attached().unwrap());
            let left = tc(lab, "filter");
            assert!(!left.contains("d365_tag") && left.contains("u32"), "{left}");
            assert!(tc(lab, "qdisc").contains("clsact"));
        });
    }
}

#[test]
fn a_qdisc_that_came_with_us_goes_with_us_and_no_other() {
    require!(Root, Tool("ip"), Tool("tc"));
    for was_there in [false, true] {
        on_a_link(|lab, interface| {
            if was_there {
                shell(&lab.host, &format!("tc qdisc add dev {} clsact", lab.iface()));
            }
            let mut kernel = kernel(interface);
            by_filter(&mut kernel, interface, TcOrder::First);
            assert!(tc(lab, "qdisc").contains("clsact"));
            drop(kernel);
            assert_eq!(tc(lab, "qdisc").contains("clsact"), was_there, "{}", tc(lab, "qdisc"));
        });
    }
}

/// A killed daemon leaves its filter. The next daemon removes that filter, and none of others.
#[test]
fn a_filter_that_was_left_behind_is_taken_away() {
    require!(Root, Tool("ip"), Tool("tc"));
    on_a_link(|lab, interface| {
        let mut dead = kernel(interface);
        by_filter(&mut dead, interface, TcOrder::First);
        // As when a process is killed: nothing is undone.
        std::mem::forget(dead);
        let mut kernel = kernel(interface);
        let tagger = by_filter(&mut kernel, interface, TcOrder::First);
        assert_eq!(tc(lab, "filter").matches(" name d365_tag ").count(), 1, "{}", tc(lab, "filter"));
        assert!(!tagger.is_preceded);
        kernel.set_lease(Some(Duration::ZERO)).unwrap();
        drop(kernel);
        assert!(!tc(lab, "filter").contains("d365_tag"));
    });
}

/// A start in another mode removes it too. A daemon that runs removes none: it may be that of another one.
#[test]
fn a_filter_that_was_left_behind_goes_in_every_mode() {
    require!(Root, Tool("ip"), Tool("tc"));
    for mode in [ModePolicy::Native, ModePolicy::Generic, ModePolicy::Tc] {
        on_a_link(|lab, interface| {
            let mut dead = kernel(interface);
            let role = TcRole::All;
            dead.attach_clsact(interface, role, Header::Ethernet, TcOrder::First, &at_a_start()).unwrap();
            std::mem::forget(dead);
            let attach = |mut inherited| {
                let mut kernel = kernel(interface);
                kernel.attach(interface, mode, TcOrder::First, &mut inherited).unwrap();
                kernel
            };
            drop(attach(Inherited::default()));
            assert!(tc(lab, "filter").contains(" name d365_tc "), "{mode:?}");
            // By tcx nobody looks at filters.
            let kernel = match mode {
                ModePolicy::Tc => {
                    let mut kernel = kernel(interface);
                    kernel
                        .attach_clsact(interface, role, Header::Ethernet, TcOrder::First, &at_a_start())
                        .unwrap();
                    assert_eq!(tc(lab, "filter").matches(" name d365_tc ").count(), 1);
                    kernel
                }
                _ => attach(at_a_start()),
            };
            drop(kernel);
            assert!(!tc(lab, "filter").contains("d365_tc"), "{mode:?}: {}", tc(lab, "filter"));
        });
    }
}
