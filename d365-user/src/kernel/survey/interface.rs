//! Collects the facts about interfaces of this network namespace.

use netlink_packet_route::link::LinkMessage;

use super::{
    ethtool::{self, Offloads},
    fact::{Fact, Unknown},
    kind::{self, Kind},
    link::{self, LinkFacts},
    netdev::{Netdev, XdpFeatures},
    place::{self, Place},
    programs::{Loaded, Program},
    tc,
};
use crate::kernel::{
    error::error_chain,
    generic::Surroundings,
    interface::{Interface, InterfaceError, Xdp},
    link_message,
    stack::Stack,
};

/// The facts about an interface that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceFacts {
    /// Its kind, and the devices that it is stacked with.
    pub kind: Fact<Kind>,
    /// Its position among other devices, if all interfaces of the survey are watched.
    pub place: Fact<Place>,
    /// The reason why the daemon would refuse it, its state and its MTU.
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
    /// The filters at the ingress of its clsact (or ingress) qdisc, in order: each with its description, and
    /// its program if it is a BPF filter.
    pub clsact: Fact<Vec<(String, Option<Program>)>>,
    /// The surroundings that decide if generic mode may be used.
    pub generic: Fact<Surroundings>,
}

/// The facts about the machine that concern each interface, read once.
struct Common {
    loaded: Loaded,
    netdev: Fact<Option<Netdev>>,
    stack: Fact<Stack>,
    links: Fact<Vec<LinkMessage>>,
    /// The indexes of all interfaces of the survey.
    watched: Vec<u32>,
}

/// Surveys interfaces of this network namespace; `None` for an interface that does not exist.
#[must_use]
pub fn interfaces(names: &[String]) -> Vec<(String, Fact<Option<InterfaceFacts>>)> {
    let found: Vec<_> = names.iter().map(|name| (name.clone(), there(Interface::find(name)))).collect();
    let indexes = found.iter().filter_map(|(_, found)| Some(found.as_ref().ok()?.as_ref()?.index));
    let common = Common {
        loaded: Loaded::read(),
        netdev: Netdev::find(),
        stack: Stack::read().map_err(Unknown::from),
        links: link_message::all(LinkMessage::default()).map_err(Unknown::from),
        watched: indexes.collect(),
    };
    let survey = |found: Option<Interface>| facts(&found?, &common);
    found.into_iter().map(|(name, found)| (name, found.map(survey))).collect()
}

/// The answer about an interface; `None` if it does not exist.
fn there<T>(answer: Result<T, InterfaceError>) -> Fact<Option<T>> {
    match answer {
        Err(InterfaceError::NotFound { .. }) => Ok(None),
        answer => answer.map(Some).map_err(|error| Unknown::Failed(error_chain(&error))),
    }
}

fn facts(interface: &Interface, common: &Common) -> Option<InterfaceFacts> {
    let Common { loaded, netdev, stack, links, watched } = common;
    let index = interface.index;
    let xdp = there(interface.xdp()).transpose()?;
    let name = &interface.kernel_name().ok()?;
    Some(InterfaceFacts {
        kind: match (links, stack) {
            (Ok(links), Ok(stack)) => Ok(kind::of(index, links, stack)),
            (Err(unknown), _) | (_, Err(unknown)) => Err(unknown.clone()),
        },
        place: links.as_ref().map(|links| place::of(index, links, watched)).map_err(Unknown::clone),
        link: link::look(interface),
        driver: ethtool::driver(name).map_err(Unknown::from),
        features: match netdev {
            Ok(Some(netdev)) => netdev.features(index).map(Some),
            Ok(None) => Ok(None),
            Err(unknown) => Err(unknown.clone()),
        },
        offloads: ethtool::offloads(name).map_err(Unknown::from),
        xdp: xdp.map(|xdp| xdp.map(|xdp| (xdp, loaded.program(xdp.program)))),
        xdp_above: stack.clone().map(|stack| {
            let above = stack.program_above(index);
            above.map(|(upper, xdp)| (upper.to_owned(), xdp, loaded.program(xdp.program)))
        }),
        tcx: tc::tcx(name, loaded),
        clsact: tc::clsact(index, loaded),
        generic: Surroundings::look(interface).map_err(Unknown::from),
    })
}
