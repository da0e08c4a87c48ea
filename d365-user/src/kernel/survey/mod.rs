//! What this machine and its interfaces are like, as plain data: what `d365-user doctor` judges.
//!
//! It only looks. Nothing is loaded but the smallest programs and maps by which the kernel tells of its features, and those
//! are closed at once; nothing is attached, pinned or set. What cannot be asked is an [`Unknown`] and never a guess.

use std::{collections::BTreeSet, io};

use aya::programs::ProgramError;

mod ethtool;
mod holders;
mod link;
mod machine;
mod netdev;
mod place;
mod programs;
mod tag;
mod tc;

pub use ethtool::Offloads;
pub use holders::{Holder, Holders};
pub use link::{LinkFacts, running_ethernet};
pub use machine::{Machine, Version, machine};
pub use netdev::XdpFeatures;
pub use place::{Place, misplaced};
pub use programs::Program;
pub use tc::Filter;

use self::{holders::Search, netdev::Netdev, programs::Loaded};
use super::{
    chain,
    generic::Surroundings,
    interface::{Interface, InterfaceError, Xdp},
    stack::Stack,
};

/// Why something is not known. One line each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// This process may not ask.
    #[error("not allowed to ask: {0}")]
    Refused(String),
    /// It was asked, and there is no answer.
    #[error("{0}")]
    Failed(String),
}

/// What was found, or why it is not known.
pub type Fact<T> = Result<T, Unknown>;

impl From<io::Error> for Unknown {
    fn from(error: io::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&io::Error> for Unknown {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::PermissionDenied => Self::Refused(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl From<ProgramError> for Unknown {
    fn from(error: ProgramError) -> Self {
        let said = chain(&error);
        match error {
            ProgramError::SyscallError(call) => Self::said(&call.io_error, said),
            _ => Self::Failed(said),
        }
    }
}

impl Unknown {
    /// What `error` means, in these words.
    fn said(error: &io::Error, said: String) -> Self {
        match Self::from(error) {
            Self::Refused(_) => Self::Refused(said),
            Self::Failed(_) => Self::Failed(said),
        }
    }
}

/// An interface that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceFacts {
    /// Its index.
    pub index: u32,
    /// The indexes of all interfaces that were looked at with it.
    pub beside: Vec<u32>,
    /// Where it is among other devices.
    pub place: Fact<Place>,
    /// Its kind, state and MTU.
    pub link: Fact<LinkFacts>,
    /// The driver's name; empty where it has none.
    pub driver: Fact<String>,
    /// What its driver says of XDP; `None` where the kernel does not tell (before 6.3).
    pub features: Fact<Option<XdpFeatures>>,
    /// Whether received segments are joined before anybody sees them.
    pub offloads: Fact<Offloads>,
    /// The XDP program on it.
    pub xdp: Fact<Option<(Xdp, Program)>>,
    /// The XDP program on a device directly above it, and that device's name.
    pub xdp_above: Fact<Option<(String, Xdp, Program)>>,
    /// The tcx programs at its ingress, in their order; `None` where the kernel has no tcx (before 6.6).
    pub tcx: Fact<Option<Vec<Program>>>,
    /// The filters at its clsact (or ingress) qdisc's ingress, in their order.
    pub clsact: Fact<Vec<Filter>>,
    /// What generic mode would meet.
    pub generic: Fact<Surroundings>,
    /// Where a d365-user tags on this interface: the ways that its program goes, one word each. More than one where it
    /// watches several interfaces and their ways differ. `None` where nobody tags.
    pub tag_paths: Fact<Option<BTreeSet<&'static str>>>,
}

/// Looks at interfaces of this network namespace; `None` for one that is not there.
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
        Err(error) => return Err(Unknown::Failed(chain(&error))),
    };
    let xdp = match interface.xdp() {
        Ok(xdp) => Ok(xdp.map(|xdp| (xdp, loaded.program(xdp.program)))),
        Err(InterfaceError::NotFound { .. }) => return Ok(None),
        Err(error) => Err(Unknown::Failed(chain(&error))),
    };
    let name = &match interface.kernel_name() {
        Ok(name) => name,
        Err(_) => return Ok(None),
    };
    let (tcx, clsact) = (tc::tcx(name), tc::clsact(interface.index, loaded));
    let counting = xdp.iter().flatten().map(|(_, program)| program);
    let filters = clsact.iter().flatten().filter_map(|filter| filter.program.as_ref());
    let tagging = tcx.iter().flatten().flatten().chain(filters);
    Ok(Some(InterfaceFacts {
        index: interface.index,
        beside: Vec::new(),
        place: place::places(&[interface.index]).map(|places| places.into_iter().next().unwrap_or_default()),
        tag_paths: tag::paths(counting, tagging),
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
