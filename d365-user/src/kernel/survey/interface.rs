//! Collects the facts about interfaces of this network namespace.

use super::{
    ethtool::{self, Offloads},
    fact::{Fact, Unknown},
    holders::Search,
    link::{self, LinkFacts},
    netdev::{Netdev, XdpFeatures},
    place::{self, Place},
    programs::{Loaded, Program},
    tc::{self, Filter},
};
use crate::kernel::{
    error::error_chain,
    generic::Surroundings,
    interface::{Interface, InterfaceError, Xdp},
    stack::Stack,
};

/// The facts about an interface that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceFacts {
    /// Its index.
    pub index: u32,
    /// The indexes of all interfaces in the same survey.
    pub beside: Vec<u32>,
    /// Its position among other devices.
    pub place: Fact<Place>,
    /// Its link type, kind, state and MTU.
    pub link: Fact<LinkFacts>,
    /// The driver's name; empty if it has none.
    pub driver: Fact<String>,
    /// The XDP features that its driver reports; `None` if the kernel does not report them (before 6.3).
    pub features: Fact<Option<XdpFeatures>>,
    /// The offloads that join received segments before a program sees them.
    pub offloads: Fact<Offloads>,
    /// The XDP program on it.
    pub xdp: Fact<Option<(Xdp, Program)>>,
    /// The XDP program on a device directly above it, together with that device's name.
    pub xdp_above: Fact<Option<(String, Xdp, Program)>>,
    /// The tcx programs at its ingress, in order; `None` if the kernel has no tcx (before 6.6).
    pub tcx: Fact<Option<Vec<Program>>>,
    /// The filters at the ingress of its clsact (or ingress) qdisc, in order.
    pub clsact: Fact<Vec<Filter>>,
    /// The surroundings that decide if generic mode may be used.
    pub generic: Fact<Surroundings>,
}

/// Surveys interfaces of this network namespace; `None` for an interface that does not exist.
#[must_use]
pub fn interfaces(names: &[String]) -> Vec<(String, Fact<Option<InterfaceFacts>>)> {
    let loaded = Loaded::read();
    let netdev = Netdev::find();
    let stack = Stack::read().map_err(Unknown::from);
    let mut surveyed: Vec<_> =
        names.iter().map(|name| (name.clone(), interface(name, &loaded, &netdev, &stack))).collect();
    let seen = surveyed.iter_mut().filter_map(|(_, facts)| facts.as_mut().ok()?.as_mut());
    let programs: Vec<&mut Program> = seen.flat_map(programs_of).collect();
    let search = Search::for_programs(&programs.iter().filter_map(|program| program.id).collect());
    for program in programs {
        program.holders = program.id.map(|id| search.holders(id));
    }
    let found = || surveyed.iter().filter_map(|(_, facts)| facts.as_ref().ok()?.as_ref());
    let indexes: Vec<_> = found().map(|facts| facts.index).collect();
    for facts in surveyed.iter_mut().filter_map(|(_, facts)| facts.as_mut().ok()?.as_mut()) {
        facts.beside.clone_from(&indexes);
    }
    surveyed
}

fn programs_of(facts: &mut InterfaceFacts) -> Vec<&mut Program> {
    let xdp = facts.xdp.iter_mut().flatten().map(|(_, program)| program);
    let xdp = xdp.chain(facts.xdp_above.iter_mut().flatten().map(|(_, _, program)| program));
    let tcx = facts.tcx.iter_mut().flatten().flatten();
    let filters = facts.clsact.iter_mut().flatten().filter_map(|filter| filter.program.as_mut());
    xdp.chain(tcx).chain(filters).collect()
}

fn interface(
    name: &str,
    loaded: &Loaded,
    netdev: &Fact<Option<Netdev>>,
    stack: &Fact<Stack>,
) -> Fact<Option<InterfaceFacts>> {
    let interface = match Interface::find(name) {
        Ok(interface) => interface,
        Err(InterfaceError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(Unknown::Failed(error_chain(&error))),
    };
    let xdp = match interface.xdp() {
        Ok(xdp) => Ok(xdp.map(|xdp| (xdp, loaded.program(xdp.program)))),
        Err(InterfaceError::NotFound { .. }) => return Ok(None),
        Err(error) => Err(Unknown::Failed(error_chain(&error))),
    };
    let name = &match interface.kernel_name() {
        Ok(name) => name,
        Err(_) => return Ok(None),
    };
    let (tcx, clsact) = (tc::tcx(name), tc::clsact(interface.index, loaded));
    Ok(Some(InterfaceFacts {
        index: interface.index,
        beside: Vec::new(),
        place: place::places(&[interface.index]).map(|places| places.into_iter().next().unwrap_or_default()),
        link: link::look(interface.index),
        driver: ethtool::driver(name).map_err(Unknown::from),
        features: match netdev {
            Ok(Some(netdev)) => netdev.features(interface.index).map(Some),
            Ok(None) => Ok(None),
            Err(unknown) => Err(unknown.clone()),
        },
        offloads: ethtool::offloads(name).map_err(Unknown::from),
        xdp_above: stack.clone().map(|stack| {
            let above = stack.program_above(interface.index);
            above.map(|(upper, xdp)| (upper.to_owned(), xdp, loaded.program(xdp.program)))
        }),
        generic: Surroundings::look(&interface).map_err(Unknown::from),
        xdp,
        tcx,
        clsact,
    }))
}
